# The inbox: what the input is, and what there is with it and without.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name            = "events"
  allow_anonymous = true
}

run "there_is_none_by_default" {
  command = plan

  assert {
    condition     = !contains(keys(output.function_arns), "mark")
    error_message = "Without the input there is nothing of it."
  }
}

run "by_its_defaults" {
  command = plan
  variables {
    inbox = {}
  }

  assert {
    condition     = contains(keys(output.function_arns), "mark") && contains(keys(output.log_group_names), "mark")
    error_message = "With the input there is a function."
  }
}

run "as_long_as_can_be" {
  command = plan
  variables {
    inbox = { state_ttl = 69120000 }
  }
}

run "settings_of_the_function" {
  command = plan
  variables {
    inbox     = {}
    functions = { mark = { memory_size = 512 } }
    packages  = { mark = { s3_bucket = "packages", s3_key = "mark.zip" } }
  }
}

run "the_functions" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    region            = "cn-north-1"
    dns_suffix        = "amazonaws.com.cn"
    alias_name        = "live"
    deployed_packages = ""
    inbox             = { state_ttl = 86400 }
    control           = { revocation_ttl = 60 }
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
      kms_key_arn              = "arn:aws-cn:kms:cn-north-1:123456789012:key/k"
    }
    api                = { execution_arn = "arn:api", stage_name = "live", connections_url = "https://api.example/live" }
    queues             = { dead_letter_queue_arn = "arn:dead-letters", control_queue_arn = "arn:control-queue", control_queue_url = "https://queue" }
    function_names     = { for key in ["connect", "disconnect", "poll", "push", "control", "mark"] : key => "events-${key}" }
    function_arns      = { for key in ["connect", "disconnect", "poll", "push", "control", "mark"] : key => "arn:${key}" }
    log_group_names    = { for key in ["connect", "disconnect", "poll", "push", "control", "mark"] : key => "/aws/lambda/events-${key}" }
    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "none"
    keepalive          = { action = "poll" }
    max_frame_kb       = 32
    persist_by_default = true
    notification_ttl   = 604800
    functions          = {}
    packages           = {}
    log_retention_days = 30
    log_level          = "INFO"
    metrics_namespace  = "WebSocketPush"
    tracing            = false
    iam_roles          = { path = "/" }
    tags               = {}
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["mark"].policy).Statement : [statement.Action, statement.Resource]
      if !strcontains(jsonencode(statement.Action), "logs:") && !strcontains(jsonencode(statement.Action), "kms:")
      ] == [
      [["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], ["arn:notifications"]],
      [["dynamodb:Query"], ["arn:clients/index/userId-index"]],
      [["execute-api:ManageConnections"], ["arn:api/live/POST/@connections/*"]],
      [["dynamodb:GetItem"], ["arn:clients"]],
    ]
    error_message = "The function changes the state, counts, and sends to the user's connections; the revocation is read with control."
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => [
        for statement in jsondecode(policy.policy).Statement : statement.Action
        if statement.Resource == ["arn:notifications"]
      ]
      } == {
      connect    = []
      control    = [["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]]
      disconnect = []
      mark       = [["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]]
      poll       = [["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]]
      push       = [["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]]
    }
    error_message = "A poll reads the state, and control marks as well."
  }

  assert {
    condition = (
      { for key, function in aws_lambda_function.this : key => lookup(function.environment[0].variables, "INBOX_TTL", "") } == {
        connect    = ""
        control    = "86400"
        disconnect = ""
        mark       = "86400"
        poll       = ""
        push       = ""
      }
      && aws_lambda_function.this["poll"].environment[0].variables.INBOX == "true"
      && aws_lambda_function.this["push"].environment[0].variables.INBOX == "true"
      && aws_lambda_function.this["control"].environment[0].variables.NOTIFICATIONS_TABLE == "events-notifications"
      && aws_lambda_function.this["mark"].handler == "websocket_push.handlers.mark.handler"
    )
    error_message = "The functions know of the inbox."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.this["mark"].policy).Statement : contains(statement.Action, "kms:GenerateDataKey") && statement.Resource == ["arn:aws-cn:kms:cn-north-1:123456789012:key/k"]
    ])
    error_message = "The function may use the key of the tables."
  }
}

run "the_functions_without_it" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    region            = "cn-north-1"
    dns_suffix        = "amazonaws.com.cn"
    alias_name        = "live"
    deployed_packages = ""
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
    }
    api                = { execution_arn = "arn:api", stage_name = "live", connections_url = "https://api.example/live" }
    queues             = { dead_letter_queue_arn = "arn:dead-letters" }
    function_names     = { for key in ["connect", "disconnect", "poll", "push"] : key => "events-${key}" }
    function_arns      = { for key in ["connect", "disconnect", "poll", "push"] : key => "arn:${key}" }
    log_group_names    = { for key in ["connect", "disconnect", "poll", "push"] : key => "/aws/lambda/events-${key}" }
    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "none"
    keepalive          = { action = "poll" }
    max_frame_kb       = 32
    persist_by_default = true
    notification_ttl   = 604800
    functions          = {}
    packages           = {}
    log_retention_days = 30
    log_level          = "INFO"
    metrics_namespace  = "WebSocketPush"
    tracing            = false
    iam_roles          = { path = "/" }
    tags               = {}
  }

  assert {
    condition = (
      alltrue([for function in aws_lambda_function.this : length(setintersection(keys(function.environment[0].variables), ["INBOX", "INBOX_TTL"])) == 0])
      && [for statement in jsondecode(aws_iam_role_policy.this["poll"].policy).Statement : statement.Action if statement.Resource == ["arn:notifications"]] == [["dynamodb:Query"]]
    )
    error_message = "Without the input nothing is passed or permitted for it."
  }
}

run "the_route" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    stage_name      = "live"
    client_push     = "none"
    inbox           = true
    throttling      = { rate_limit = 10000, burst_limit = 5000, client_rate_limit = 7, client_burst_limit = 8 }
    api             = { id = "a1b2c3d4e5", account_id = "123456789012", endpoint = "wss://api.example", execution_arn = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5", route_selection_expression = "$request.body.action" }
    invocation_uris = { for key in ["connect", "disconnect", "poll", "push", "mark"] : key => "arn:uri:${key}" }
    function_arns   = { for key in ["connect", "disconnect", "poll", "push", "mark"] : key => "arn:${key}" }
    function_aliases = {
      mark = "live"
    }
  }

  assert {
    condition = (
      aws_apigatewayv2_integration.proxy["mark"].integration_uri == "arn:uri:mark"
      && aws_apigatewayv2_route.this["mark"].authorization_type == "NONE"
      && aws_apigatewayv2_route_response.this["mark"].route_response_key == "$default"
      && aws_lambda_permission.route["mark"].function_name == "arn:mark"
      && aws_lambda_permission.route["mark"].source_arn == "${var.api.execution_arn}/live/mark"
      && aws_lambda_permission.alias["mark"].qualifier == "live"
    )
    error_message = "The action reaches the function, which answers, and API Gateway may invoke it for that."
  }

  assert {
    condition = contains([
      for settings in aws_apigatewayv2_stage.this.route_settings : [settings.route_key, settings.throttling_rate_limit, settings.throttling_burst_limit]
    ], ["mark", 7, 8])
    error_message = "It has the limits of clients."
  }

  assert {
    condition = (
      jsondecode(aws_apigatewayv2_integration_response.mock["unknown_action"].response_templates["$default"]).message
      == "Send a JSON object whose \"action\" is \"poll\", \"mark\" or \"ping\"."
    )
    error_message = "An unknown action is answered with those that there are."
  }
}
