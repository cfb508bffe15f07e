# The API: what answers which message, who may invoke what, and when it is deployed again.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = aws_apigatewayv2_integration.proxy["connect"]
    override_during = plan
    values          = { id = "connect1" }
  }

  override_resource {
    target          = aws_apigatewayv2_integration.proxy["disconnect"]
    override_during = plan
    values          = { id = "disconnect1" }
  }

  override_resource {
    target          = aws_apigatewayv2_integration.proxy["poll"]
    override_during = plan
    values          = { id = "poll1" }
  }

  override_resource {
    target          = aws_apigatewayv2_integration.proxy["push"]
    override_during = plan
    values          = { id = "push1" }
  }

  override_resource {
    target          = aws_apigatewayv2_integration.mock["ping"]
    override_during = plan
    values          = { id = "ping1" }
  }

  override_resource {
    target          = aws_apigatewayv2_integration.mock["unknown_action"]
    override_during = plan
    values          = { id = "unknown1" }
  }

  override_resource {
    target          = aws_apigatewayv2_route.this["$default"]
    override_during = plan
    values          = { id = "route-default" }
  }

  override_resource {
    target          = aws_apigatewayv2_route.this["ping"]
    override_during = plan
    values          = { id = "route-ping" }
  }

  override_resource {
    target          = aws_apigatewayv2_route.this["poll"]
    override_during = plan
    values          = { id = "route-poll" }
  }

  override_resource {
    target          = aws_apigatewayv2_route.this["push"]
    override_during = plan
    values          = { id = "route-push" }
  }
}

variables {
  name        = "events"
  stage_name  = "live"
  client_push = "self"
  throttling  = { rate_limit = 10000, burst_limit = 5000, client_rate_limit = 5000, client_burst_limit = 2500 }
  api = {
    id                         = "a1b2c3d4e5"
    account_id                 = "123456789012"
    endpoint                   = "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn"
    execution_arn              = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5"
    route_selection_expression = "$request.body.action"
  }
  invocation_uris = {
    connect    = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-connect/invocations"
    disconnect = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-disconnect/invocations"
    poll       = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-poll/invocations"
    push       = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push/invocations"
  }
  function_arns = {
    connect    = "arn:connect"
    disconnect = "arn:disconnect"
    poll       = "arn:poll"
    push       = "arn:push"
  }
  function_aliases = {}
}

run "api" {
  command = plan
  module {
    source = "./modules/api"
  }

  assert {
    condition = (
      aws_apigatewayv2_api.this.name == "events"
      && aws_apigatewayv2_api.this.protocol_type == "WEBSOCKET"
      && aws_apigatewayv2_api.this.route_selection_expression == "$request.body.action"
      && aws_apigatewayv2_api.this.tags == tomap({ Name = "events" })
    )
    error_message = "A WebSocket API whose messages are routed by their action."
  }

  assert {
    condition = { id = output.id, endpoint = output.endpoint, execution_arn = output.execution_arn, route_selection_expression = output.route_selection_expression } == {
      id                         = "a1b2c3d4e5"
      endpoint                   = "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn"
      execution_arn              = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5"
      route_selection_expression = "$request.body.action"
    }
    error_message = "The outputs say which API it is."
  }
}

run "api_with_tags" {
  command = plan
  module {
    source = "./modules/api"
  }
  variables {
    tags = { team = "a", Name = "mine" }
  }

  assert {
    condition     = aws_apigatewayv2_api.this.tags == var.tags
    error_message = "The caller's tags win over the default Name."
  }
}

run "by_default" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }

  assert {
    condition = { for key, route in aws_apigatewayv2_route.this : key => {
      key    = route.route_key
      target = route.target
      } } == {
      "$connect"    = { key = "$connect", target = "integrations/connect1" }
      "$disconnect" = { key = "$disconnect", target = "integrations/disconnect1" }
      "$default"    = { key = "$default", target = "integrations/unknown1" }
      ping          = { key = "ping", target = "integrations/ping1" }
      poll          = { key = "poll", target = "integrations/poll1" }
      push          = { key = "push", target = "integrations/push1" }
    }
    error_message = "Each action goes to its own integration, and everything else to the answer for unknown actions."
  }

  assert {
    condition = (
      alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "NONE" && route.authorizer_id == null])
      && length(aws_apigatewayv2_authorizer.this) == 0 && length(aws_lambda_permission.authorizer) == 0
    )
    error_message = "No authorizer is invoked."
  }

  # A reply needs both.
  assert {
    condition = jsonencode({ for key, route in aws_apigatewayv2_route.this : key => route.route_response_selection_expression }) == jsonencode({
      "$connect" = null, "$disconnect" = null, "$default" = "$default", ping = "$default", poll = "$default", push = "$default"
    })
    error_message = "Every route that has an answer selects its route response."
  }

  assert {
    condition = jsonencode({ for key, response in aws_apigatewayv2_route_response.this : key => [response.route_id, response.route_response_key] }) == jsonencode({
      "$default" = ["route-default", "$default"], ping = ["route-ping", "$default"], poll = ["route-poll", "$default"], push = ["route-push", "$default"]
    })
    error_message = "The client hears the answer of every route that has one."
  }

  assert {
    condition = { for key, integration in aws_apigatewayv2_integration.proxy : key => {
      type   = integration.integration_type
      method = integration.integration_method
      uri    = integration.integration_uri
      } } == { for key in ["connect", "disconnect", "poll", "push"] : key => {
      type   = "AWS_PROXY"
      method = "POST"
      uri    = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-${key}/invocations"
    } }
    error_message = "Four integrations invoke the four functions."
  }

  assert {
    condition = { for key, integration in aws_apigatewayv2_integration.mock : key => {
      type      = integration.integration_type
      selection = integration.template_selection_expression
      templates = { for template, text in integration.request_templates : template => jsondecode(text) }
      } } == { for key in ["ping", "unknown_action"] : key => {
      type      = "MOCK"
      selection = "\\$default"
      templates = { "$default" = { statusCode = 200 } }
    } }
    error_message = "API Gateway answers ping and unknown actions by itself, whatever the message looks like."
  }

  assert {
    condition = { for key, response in aws_apigatewayv2_integration_response.mock : key => {
      integration = response.integration_id
      key         = response.integration_response_key
      selection   = response.template_selection_expression
      templates   = keys(response.response_templates)
      } } == {
      ping           = { integration = "ping1", key = "$default", selection = "\\$default", templates = tolist(["$default"]) }
      unknown_action = { integration = "unknown1", key = "$default", selection = "\\$default", templates = tolist(["$default"]) }
    }
    error_message = "Each of these answers has one template, which is always taken."
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_integration_response.mock["ping"].response_templates["$default"]) == { type = "pong" }
    error_message = "ping is answered by pong."
  }

  assert {
    condition = jsondecode(aws_apigatewayv2_integration_response.mock["unknown_action"].response_templates["$default"]) == {
      type    = "error"
      code    = "UNKNOWN_ACTION"
      message = "Send a JSON object whose \"action\" is \"poll\", \"push\" or \"ping\"."
    }
    error_message = "An unknown action is answered by an error that names the known ones."
  }

  assert {
    condition = { for key, permission in aws_lambda_permission.route : key => {
      statement = permission.statement_id
      action    = permission.action
      principal = permission.principal
      function  = permission.function_name
      source    = permission.source_arn
      } } == {
      "$connect"    = { statement = "AllowRoute-connect", action = "lambda:InvokeFunction", principal = "apigateway.amazonaws.com", function = "arn:connect", source = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/live/$connect" }
      "$disconnect" = { statement = "AllowRoute-disconnect", action = "lambda:InvokeFunction", principal = "apigateway.amazonaws.com", function = "arn:disconnect", source = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/live/$disconnect" }
      poll          = { statement = "AllowRoute-poll", action = "lambda:InvokeFunction", principal = "apigateway.amazonaws.com", function = "arn:poll", source = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/live/poll" }
      push          = { statement = "AllowRoute-push", action = "lambda:InvokeFunction", principal = "apigateway.amazonaws.com", function = "arn:push", source = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/live/push" }
    }
    error_message = "API Gateway may invoke each function for its own route of this stage, and for no other."
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.this.name == "live"
      && aws_apigatewayv2_stage.this.deployment_id == aws_apigatewayv2_deployment.this.id
      && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 10000
      && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 5000
      && aws_apigatewayv2_stage.this.default_route_settings[0].logging_level == "OFF"
      && !aws_apigatewayv2_stage.this.default_route_settings[0].data_trace_enabled
    )
    error_message = "The stage lets messages through, up to the account's own quota, and logs none of them."
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.tags == tomap({ Name = "events-live" })
    error_message = "What takes tags is tagged with its name."
  }

  # Written out, so that what is missing from the trigger fails even where no input changes it by itself.
  assert {
    condition = output.deployment_trigger == sha256(jsonencode({
      route_selection_expression = "$request.body.action"
      proxies                    = { for key, integration in aws_apigatewayv2_integration.proxy : key => integration.integration_uri }
      mocks                      = { for key, response in aws_apigatewayv2_integration_response.mock : key => jsondecode(response.response_templates["$default"]) }
      routes = {
        "$connect"    = { integration = "connect", replies = false }
        "$disconnect" = { integration = "disconnect", replies = false }
        "$default"    = { integration = "unknown_action", replies = true }
        ping          = { integration = "ping", replies = true }
        poll          = { integration = "poll", replies = true }
        push          = { integration = "push", replies = true }
      }
      authorizers = {}
    }))
    error_message = "The API is deployed again when its routes, integrations or answers change, and only then."
  }

  assert {
    condition = (
      output.websocket_url == "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
    )
    error_message = "The outputs are the API's addresses."
  }
}

run "other_stage_settings" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    stage_name = "trial_1"
    throttling = { rate_limit = 0.5 + 1, burst_limit = 7, client_rate_limit = 1.25, client_burst_limit = 3 }
    tags       = { team = "a", Name = "mine" }
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.this.name == "trial_1"
      && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 1.5
      && aws_apigatewayv2_stage.this.default_route_settings[0].throttling_burst_limit == 7
      && { for each in aws_apigatewayv2_stage.this.route_settings : each.route_key => [each.throttling_rate_limit, each.throttling_burst_limit] } == {
        poll = [1.25, 3]
        push = [1.25, 3]
      }
      && aws_apigatewayv2_stage.this.tags == var.tags
    )
    error_message = "Name, throttling and tags of the stage are the caller's."
  }

  assert {
    condition = (
      aws_lambda_permission.route["poll"].source_arn == "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/trial_1/poll"
      && output.websocket_url == "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/trial_1"
    )
    error_message = "Permissions and addresses follow the stage's name."
  }

  assert {
    condition     = output.deployment_trigger == run.by_default.deployment_trigger
    error_message = "What the deployment does not hold does not deploy the API again."
  }
}

run "clients_may_push_to_everyone" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    client_push = "any"
  }

  assert {
    condition     = output.deployment_trigger == run.by_default.deployment_trigger && aws_apigatewayv2_route.this["push"].target == "integrations/push1"
    error_message = "Who may be pushed to is the function's business, not the API's."
  }
}

run "clients_may_not_push" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    client_push = "none"
  }

  assert {
    condition     = keys(aws_lambda_permission.route) == ["$connect", "$disconnect", "poll"] && keys(aws_apigatewayv2_integration.proxy) == ["connect", "disconnect", "poll"]
    error_message = "API Gateway cannot invoke the push function."
  }

  assert {
    condition     = aws_apigatewayv2_route.this["push"].target == "integrations/unknown1" && aws_apigatewayv2_route_response.this["push"].route_response_key == "$default"
    error_message = "A push is answered as any unknown action."
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_integration_response.mock["unknown_action"].response_templates["$default"]).message == "Send a JSON object whose \"action\" is \"poll\" or \"ping\"."
    error_message = "The error does not offer to push."
  }

  assert {
    condition     = output.deployment_trigger != run.by_default.deployment_trigger
    error_message = "Changed routes are deployed."
  }
}

run "with_an_authorizer" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    invocation_uris = merge(var.invocation_uris, {
      authorizer = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-verify-jwt/invocations"
    })
    function_arns = {
      connect    = "arn:connect"
      disconnect = "arn:disconnect"
      poll       = "arn:poll"
      push       = "arn:push"
      authorizer = "arn:verify-jwt"
    }
  }

  assert {
    condition = { for key, authorizer in aws_apigatewayv2_authorizer.this : key => {
      name = authorizer.name
      type = authorizer.authorizer_type
      uri  = authorizer.authorizer_uri
      } } == { "$connect" = {
      name = "connect"
      type = "REQUEST"
      uri  = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-verify-jwt/invocations"
    } }
    error_message = "The authorizer's function is asked when a client connects."
  }

  # With identity sources, API Gateway would refuse a token that comes in another place before the function sees it.
  # Results cannot be kept, nor come in the simple form, for WebSocket APIs.
  assert {
    condition = alltrue([
      for authorizer in aws_apigatewayv2_authorizer.this :
      try(length(authorizer.identity_sources), 0) == 0 && authorizer.authorizer_credentials_arn == null
      && authorizer.authorizer_payload_format_version == null && authorizer.enable_simple_responses == null
    ])
    error_message = "The authorizer is asked whatever the request looks like."
  }

  assert {
    condition = jsonencode({ for key, route in aws_apigatewayv2_route.this : key => [route.authorization_type, route.authorizer_id] }) == jsonencode({
      "$connect"    = ["CUSTOM", "author1"]
      "$default"    = ["NONE", null]
      "$disconnect" = ["NONE", null]
      ping          = ["NONE", null]
      poll          = ["NONE", null]
      push          = ["NONE", null]
    })
    error_message = "Connecting needs the authorizer's word, and what follows on the connection has it."
  }

  assert {
    condition = { for key, permission in aws_lambda_permission.authorizer : key => {
      statement = permission.statement_id
      action    = permission.action
      principal = permission.principal
      function  = permission.function_name
      source    = permission.source_arn
      } } == { "$connect" = {
      statement = "AllowAuthorizer-a1b2c3d4e5"
      action    = "lambda:InvokeFunction"
      principal = "apigateway.amazonaws.com"
      function  = "arn:verify-jwt"
      source    = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/authorizers/author1"
    } }
    error_message = "API Gateway may invoke the authorizer's function as this authorizer, and for nothing else."
  }

  assert {
    condition = (
      keys(aws_apigatewayv2_integration.proxy) == ["connect", "disconnect", "poll", "push"]
      && keys(aws_lambda_permission.route) == ["$connect", "$disconnect", "poll", "push"]
    )
    error_message = "The authorizer is no route's function."
  }

  assert {
    condition     = output.deployment_trigger != run.by_default.deployment_trigger
    error_message = "An authorizer has no effect until it is deployed."
  }
}

run "with_an_authorizer_of_another_account" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    invocation_uris = merge(var.invocation_uris, {
      authorizer = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:mine/invocations"
    })
    function_arns = merge(var.function_arns, { authorizer = "arn:aws-cn:lambda:cn-north-1:210987654321:function:mine" })
  }
  expect_failures = [aws_lambda_permission.authorizer]
}

run "with_another_authorizer" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    invocation_uris = merge(var.invocation_uris, {
      authorizer = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:my-authorizer/invocations"
    })
    function_arns = {
      connect    = "arn:connect"
      disconnect = "arn:disconnect"
      poll       = "arn:poll"
      push       = "arn:push"
      authorizer = "arn:my-authorizer"
    }
  }

  assert {
    condition     = output.deployment_trigger != run.with_an_authorizer.deployment_trigger
    error_message = "Another authorizer is deployed."
  }
}

run "functions_of_another_name" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    invocation_uris = merge(var.invocation_uris, {
      poll = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-poll-2/invocations"
    })
  }

  assert {
    condition     = output.deployment_trigger != run.by_default.deployment_trigger
    error_message = "A changed integration is deployed."
  }
}

run "functions_created_anew" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    function_arns = {
      connect    = "arn:connect"
      disconnect = "arn:disconnect"
      poll       = "arn:poll-recreated"
      push       = "arn:push"
    }
  }

  assert {
    condition     = output.deployment_trigger == run.by_default.deployment_trigger && aws_lambda_permission.route["poll"].function_name == "arn:poll-recreated"
    error_message = "A function that is recreated gets its permission again, and the API does not change."
  }
}

# --- Aliases

run "functions_that_have_aliases" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    invocation_uris = merge(var.invocation_uris, {
      push       = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push:live/invocations"
      authorizer = "arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/arn:aws-cn:lambda:cn-north-1:123456789012:function:events-verify-jwt:live/invocations"
    })
    function_arns = {
      connect    = "arn:connect"
      disconnect = "arn:disconnect"
      poll       = "arn:poll"
      push       = "arn:push"
      authorizer = "arn:verify-jwt"
    }
    function_aliases = { push = "live", authorizer = "live", verify_jwt = "live" }
  }

  assert {
    condition = { for key, integration in aws_apigatewayv2_integration.proxy : key => regex("function:(.+)/invocations$", integration.integration_uri)[0] } == {
      connect    = "events-connect"
      disconnect = "events-disconnect"
      poll       = "events-poll"
      push       = "events-push:live"
    }
    error_message = "A function that has an alias is invoked by it."
  }

  assert {
    condition     = endswith(aws_apigatewayv2_authorizer.this["$connect"].authorizer_uri, ":function:events-verify-jwt:live/invocations")
    error_message = "So is the authorizer's."
  }

  assert {
    condition = { for key, permission in aws_lambda_permission.alias : key => [
      permission.statement_id, permission.action, permission.principal, permission.function_name, permission.qualifier, permission.source_arn
      ] } == {
      authorizer = ["AllowAliasAuthorizer-a1b2c3d4e5", "lambda:InvokeFunction", "apigateway.amazonaws.com", "arn:verify-jwt", "live", "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/authorizers/author1"]
      push       = ["AllowAliasRoute-push", "lambda:InvokeFunction", "apigateway.amazonaws.com", "arn:push", "live", "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5/live/push"]
    }
    error_message = "API Gateway may invoke each alias for its own route, and as this authorizer."
  }

  assert {
    condition     = keys(aws_lambda_permission.route) == ["$connect", "$disconnect", "poll", "push"] && keys(aws_lambda_permission.authorizer) == ["$connect"]
    error_message = "The functions themselves can be invoked as before, so that nothing fails while a change is applied."
  }

  assert {
    condition     = output.deployment_trigger != run.with_an_authorizer.deployment_trigger
    error_message = "An alias is deployed."
  }
}

run "an_alias_that_no_route_uses" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    client_push      = "none"
    function_aliases = { push = "live" }
  }

  assert {
    condition     = length(aws_lambda_permission.alias) == 0
    error_message = "Without client push, API Gateway may not invoke the push function's alias either."
  }
}

# --- Access logs

run "without_access_logs" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }

  assert {
    condition = (
      length(aws_cloudwatch_log_group.access) == 0 && length(aws_apigatewayv2_stage.this.access_log_settings) == 0
      && output.access_log_group_name == null
    )
    error_message = "Nothing is logged unless the caller says so."
  }
}

run "with_access_logs" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    access_logs  = { retention_days = 7, source_ip = false }
    logs_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/logs"
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.access["access"].name == "/aws/apigateway/events-live"
      && aws_cloudwatch_log_group.access["access"].retention_in_days == 7
      && aws_cloudwatch_log_group.access["access"].kms_key_id == "arn:aws-cn:kms:cn-north-1:123456789012:key/logs"
      && aws_cloudwatch_log_group.access["access"].tags == tomap({ Name = "events-live" })
      && aws_apigatewayv2_stage.this.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access["access"].arn
      && output.access_log_group_name == "/aws/apigateway/events-live"
    )
    error_message = "The stage logs to a group of its own."
  }

  # Whole, so that a field that may carry a token or a claim does not come in unseen.
  assert {
    condition = jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format) == {
      requestId          = "$context.requestId"
      extendedRequestId  = "$context.extendedRequestId"
      requestTimeEpoch   = "$context.requestTimeEpoch"
      connectionId       = "$context.connectionId"
      connectedAt        = "$context.connectedAt"
      eventType          = "$context.eventType"
      routeKey           = "$context.routeKey"
      messageId          = "$context.messageId"
      status             = "$context.status"
      integrationStatus  = "$context.integration.status"
      integrationLatency = "$context.integrationLatency"
      errorResponseType  = "$context.error.responseType"
    }
    error_message = "A line holds what API Gateway knows of a request, and nothing that a client or an authorizer said."
  }
}

run "with_access_logs_that_hold_addresses" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    access_logs = { retention_days = 0, source_ip = true }
  }

  assert {
    condition = (
      jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format).sourceIp == "$context.identity.sourceIp"
      && length(jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format)) == 13
      && aws_cloudwatch_log_group.access["access"].retention_in_days == 0
      && aws_cloudwatch_log_group.access["access"].kms_key_id == null
    )
    error_message = "The clients' addresses are logged where the caller wants them."
  }
}

# --- A domain name

run "without_a_domain" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }

  assert {
    condition = (
      length(aws_apigatewayv2_domain_name.this) == 0 && length(aws_apigatewayv2_api_mapping.this) == 0 && length(aws_route53_record.this) == 0
      && output.custom_domain_target_domain_name == null && output.custom_domain_target_hosted_zone_id == null
    )
    error_message = "The API has its own address."
  }
}

run "with_a_domain" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234"
    }
  }

  assert {
    condition = (
      aws_apigatewayv2_domain_name.this["this"].domain_name == "push.example.com"
      && aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].certificate_arn == "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234"
      && aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].endpoint_type == "REGIONAL"
      && aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].security_policy == "TLS_1_2"
      && aws_apigatewayv2_domain_name.this["this"].tags == tomap({ Name = "push.example.com" })
    )
    error_message = "The domain is the API's, in its Region, with TLS 1.2."
  }

  assert {
    condition = (
      aws_apigatewayv2_api_mapping.this["this"].api_id == "a1b2c3d4e5"
      && aws_apigatewayv2_api_mapping.this["this"].domain_name == "push.example.com"
      && aws_apigatewayv2_api_mapping.this["this"].stage == "live"
      && aws_apigatewayv2_api_mapping.this["this"].api_mapping_key == null
    )
    error_message = "The domain leads to the stage."
  }

  assert {
    condition     = length(aws_route53_record.this) == 0
    error_message = "Without a zone there is no record."
  }

  assert {
    condition     = output.websocket_url == "wss://push.example.com"
    error_message = "Clients connect to the domain; the management API stays where it is."
  }
}

run "with_a_domain_in_a_zone_below_a_path" {
  command = plan
  module {
    source = "./modules/websocket-api"
  }
  variables {
    tags = { Name = "mine" }
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234"
      hosted_zone_id  = "Z1"
      mapping_key     = "v1"
    }
  }

  override_resource {
    target          = aws_apigatewayv2_domain_name.this["this"]
    override_during = plan
    values = {
      domain_name_configuration = { target_domain_name = "d-1.execute-api.cn-north-1.amazonaws.com.cn", hosted_zone_id = "ZTARGET" }
    }
  }

  assert {
    condition = (
      aws_route53_record.this["this"].zone_id == "Z1"
      && aws_route53_record.this["this"].name == "push.example.com"
      && aws_route53_record.this["this"].type == "A"
      && aws_route53_record.this["this"].alias[0].name == "d-1.execute-api.cn-north-1.amazonaws.com.cn"
      && aws_route53_record.this["this"].alias[0].zone_id == "ZTARGET"
      && !aws_route53_record.this["this"].alias[0].evaluate_target_health
    )
    error_message = "The zone's record is an alias of the domain's target."
  }

  assert {
    condition = (
      output.websocket_url == "wss://push.example.com/v1" && aws_apigatewayv2_api_mapping.this["this"].api_mapping_key == "v1"
      && output.custom_domain_target_domain_name == "d-1.execute-api.cn-north-1.amazonaws.com.cn"
      && output.custom_domain_target_hosted_zone_id == "ZTARGET"
      && aws_apigatewayv2_domain_name.this["this"].tags == tomap({ Name = "mine" })
    )
    error_message = "The URL ends in the mapping key, and the outputs say what a record must lead to."
  }
}
