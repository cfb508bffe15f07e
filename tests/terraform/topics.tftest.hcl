# Topics, as far as connections have to do with them: what the input is, and what there is with it and without.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name            = "events"
  allow_anonymous = true
}

run "there_are_none_by_default" {
  command = plan

  assert {
    condition = (
      output.subscriptions_table_name == null && output.subscriptions_table_arn == null
      && !contains(keys(output.function_arns), "subscriptions")
    )
    error_message = "Without the input there is nothing of topics."
  }
}

run "by_their_defaults" {
  command = plan
  variables {
    topics = {}
  }

  assert {
    condition     = output.subscriptions_table_name == "events-subscriptions" && output.subscriptions_table_arn != null && contains(keys(output.function_arns), "subscriptions")
    error_message = "With the input there are a table and a function."
  }
}

run "as_many_and_as_fast_as_can_be" {
  command = plan
  variables {
    topics = { max_per_connection = 100, immediate_connections = 2000, broadcast_rate = 100, workers = 100 }
  }
}

run "as_few_as_can_be" {
  command = plan
  variables {
    topics = { max_per_connection = 1, immediate_connections = 0, broadcast_rate = 2, workers = 2 }
  }
}

run "settings_of_the_function" {
  command = plan
  variables {
    topics    = {}
    functions = { subscriptions = { memory_size = 512 } }
    packages  = { subscriptions = { s3_bucket = "packages", s3_key = "subscriptions.zip" } }
  }
}

run "no_table" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    table_names = { clients = "events-clients", notifications = "events-notifications" }
    billing = {
      mode               = "PAY_PER_REQUEST"
      clients            = { read_capacity = 5, write_capacity = 5 }
      clients_index      = { read_capacity = 5, write_capacity = 5 }
      notifications      = { read_capacity = 5, write_capacity = 5 }
      target_utilization = 70
    }
  }

  assert {
    condition     = length(aws_dynamodb_table.subscriptions) == 0 && output.subscriptions_table_name == null
    error_message = "Without topics there is no table of subscriptions."
  }
}

run "the_table" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    topics      = true
    kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/k"
    table_names = { clients = "events-clients", notifications = "events-notifications", subscriptions = "events-subscriptions" }
    billing = {
      mode               = "PROVISIONED"
      clients            = { read_capacity = 5, write_capacity = 5 }
      clients_index      = { read_capacity = 5, write_capacity = 5 }
      notifications      = { read_capacity = 5, write_capacity = 5 }
      subscriptions      = { read_capacity = 3, write_capacity = 4, write_capacity_max = 9 }
      target_utilization = 70
    }
  }

  assert {
    condition = (
      aws_dynamodb_table.subscriptions[0].name == "events-subscriptions"
      && aws_dynamodb_table.subscriptions[0].hash_key == "topic"
      && aws_dynamodb_table.subscriptions[0].range_key == "connectionId"
      && length(aws_dynamodb_table.subscriptions[0].global_secondary_index) == 0
      && one(aws_dynamodb_table.subscriptions[0].ttl).attribute_name == "expiresAt"
      && one(aws_dynamodb_table.subscriptions[0].ttl).enabled
    )
    error_message = "A topic's connections are found by it, and go away by themselves."
  }

  assert {
    condition = (
      aws_dynamodb_table.subscriptions[0].deletion_protection_enabled
      && one(aws_dynamodb_table.subscriptions[0].point_in_time_recovery).enabled
      && one(aws_dynamodb_table.subscriptions[0].server_side_encryption).kms_key_arn == "arn:aws-cn:kms:cn-north-1:123456789012:key/k"
    )
    error_message = "It is protected as the others are."
  }

  assert {
    condition = (
      [aws_appautoscaling_target.this["subscriptions-read"].min_capacity, aws_appautoscaling_target.this["subscriptions-read"].max_capacity] == [3, 3]
      && [aws_appautoscaling_target.this["subscriptions-write"].min_capacity, aws_appautoscaling_target.this["subscriptions-write"].max_capacity] == [4, 9]
      && aws_appautoscaling_target.this["subscriptions-read"].resource_id == "table/events-subscriptions"
    )
    error_message = "It is scaled as the others are."
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
    topics            = { max_per_connection = 7, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
      subscriptions_table_name = "events-subscriptions"
      subscriptions_table_arn  = "arn:subscriptions"
      kms_key_arn              = "arn:aws-cn:kms:cn-north-1:123456789012:key/k"
    }
    api                = { execution_arn = "arn:api", stage_name = "live", connections_url = "https://api.example/live" }
    queues             = { dead_letter_queue_arn = "arn:dead-letters" }
    function_names     = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "events-${key}" }
    function_arns      = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "arn:${key}" }
    log_group_names    = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "/aws/lambda/events-${key}" }
    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "self"
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
      for statement in jsondecode(aws_iam_role_policy.this["subscriptions"].policy).Statement : [statement.Action, statement.Resource]
      if !strcontains(jsonencode(statement.Action), "logs:") && !strcontains(jsonencode(statement.Action), "kms:")
      ] == [
      [["dynamodb:GetItem", "dynamodb:UpdateItem"], ["arn:clients"]],
      [["dynamodb:BatchWriteItem"], ["arn:subscriptions"]],
    ]
    error_message = "The function changes the list in a connection's row, and the rows of the subscriptions."
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => [
        for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(statement.Action, "dynamodb:BatchWriteItem")
      ]
      } == {
      connect       = []
      disconnect    = [["arn:subscriptions"]]
      poll          = []
      push          = [["arn:subscriptions"]]
      subscriptions = [["arn:subscriptions"]]
    }
    error_message = "Whatever removes a connection removes its subscriptions."
  }

  assert {
    condition = contains([
      for statement in jsondecode(aws_iam_role_policy.this["poll"].policy).Statement : [statement.Action, statement.Resource]
    ], [["dynamodb:GetItem"], ["arn:clients"]])
    error_message = "A poll reads what its connection listens to."
  }

  assert {
    condition = (
      { for key, function in aws_lambda_function.this : key => lookup(function.environment[0].variables, "SUBSCRIPTIONS_TABLE", "") } == {
        connect       = ""
        disconnect    = "events-subscriptions"
        poll          = ""
        push          = "events-subscriptions"
        subscriptions = "events-subscriptions"
      }
      && aws_lambda_function.this["poll"].environment[0].variables.TOPICS == "true"
      && aws_lambda_function.this["subscriptions"].environment[0].variables.MAX_TOPICS_PER_CONNECTION == "7"
      && aws_lambda_function.this["subscriptions"].handler == "websocket_push.handlers.subscriptions.handler"
    )
    error_message = "The functions know of topics."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.this["subscriptions"].policy).Statement : contains(statement.Action, "kms:GenerateDataKey") && statement.Resource == ["arn:aws-cn:kms:cn-north-1:123456789012:key/k"]
    ])
    error_message = "The function may use the key of the tables."
  }
}

run "the_routes" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    stage_name      = "live"
    client_push     = "none"
    topics          = true
    throttling      = { rate_limit = 10000, burst_limit = 5000, client_rate_limit = 9, client_burst_limit = 8 }
    api             = { id = "a1b2c3d4e5", account_id = "123456789012", endpoint = "wss://api.example", execution_arn = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5", route_selection_expression = "$request.body.action" }
    invocation_uris = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "arn:uri:${key}" }
    function_arns   = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "arn:${key}" }
    function_aliases = {
      subscriptions = "live"
    }
  }

  assert {
    condition = (
      aws_apigatewayv2_integration.proxy["subscriptions"].integration_uri == "arn:uri:subscriptions"
      && alltrue([
        for action in ["subscribe", "unsubscribe"] : (
          aws_apigatewayv2_route.this[action].route_key == action
          && aws_apigatewayv2_route.this[action].authorization_type == "NONE"
          && aws_apigatewayv2_route_response.this[action].route_response_key == "$default"
          && aws_lambda_permission.route[action].function_name == "arn:subscriptions"
          && aws_lambda_permission.route[action].source_arn == "${var.api.execution_arn}/live/${action}"
          && aws_lambda_permission.alias[action].qualifier == "live"
        )
      ])
    )
    error_message = "Both actions reach the function, which answers, and API Gateway may invoke it for them."
  }

  assert {
    condition = {
      for each in aws_apigatewayv2_stage.this.route_settings : each.route_key => [each.throttling_rate_limit, each.throttling_burst_limit]
      } == {
      for action in ["poll", "push", "subscribe", "unsubscribe"] : action => [9, 8]
    }
    error_message = "What clients can have functions do is limited, each by itself."
  }

  assert {
    condition = (
      jsondecode(aws_apigatewayv2_integration_response.mock["unknown_action"].response_templates["$default"]).message
      == "Send a JSON object whose \"action\" is \"poll\", \"subscribe\", \"unsubscribe\" or \"ping\"."
    )
    error_message = "An unknown action is answered with those that there are."
  }
}
