locals {
  clients_push = nonsensitive(var.client_push != "none")

  # The actions that a client can send, as the answer to an unknown one lists them.
  actions      = concat(["poll"], local.clients_push ? ["push"] : [], var.inbox ? ["mark"] : [], var.topics ? ["subscribe", "unsubscribe"] : [])
  actions_text = "${join(", ", [for action in local.actions : "\"${action}\""])} or \"ping\""

  # Integrations that invoke a function. Without client push nothing invokes the push function over the API.
  proxies = {
    for key, uri in var.invocation_uris : key => uri
    if key != "authorizer" && (key != "push" || local.clients_push)
  }

  # API Gateway invokes an authorizer only when a client connects: other routes cannot have one.
  authorizers = { for key, uri in var.invocation_uris : "$connect" => uri if key == "authorizer" }

  # Integrations that API Gateway answers by itself: no function, no cost beyond the message.
  mocks = {
    ping = { type = "pong" }
    unknown_action = {
      type    = "error"
      code    = "UNKNOWN_ACTION"
      message = "Send a JSON object whose \"action\" is ${local.actions_text}."
    }
  }

  # The push route exists even when clients may not push, and then answers as $default does. Terraform creates the new
  # deployment before it destroys a route that is gone, so a route removed from this map would still be in the
  # deployment; a route that changes its target is updated before it.
  #
  # The routes of topics and of the inbox are exceptions: without the input nothing is made for them. Where it is given up,
  # they live on in the deployment until the next one, and are answered with API Gateway's own error.
  routes = merge(
    {
      "$connect"    = { integration = "connect", replies = false }
      "$disconnect" = { integration = "disconnect", replies = false }
      "$default"    = { integration = "unknown_action", replies = true }
      ping          = { integration = "ping", replies = true }
      poll          = { integration = "poll", replies = true }
      push          = { integration = local.clients_push ? "push" : "unknown_action", replies = true }
    },
    { for action in var.inbox ? ["mark"] : [] : action => { integration = "mark", replies = true } },
    { for action in var.topics ? ["subscribe", "unsubscribe"] : [] : action => { integration = "subscriptions", replies = true } },
  )

  replying_routes = toset([for route_key, route in local.routes : route_key if route.replies])

  integration_ids = merge(
    { for key, integration in aws_apigatewayv2_integration.proxy : key => integration.id },
    { for key, integration in aws_apigatewayv2_integration.mock : key => integration.id },
  )

  # Static selection expressions are escaped: "\$default" means the literal key "$default".
  static_template = "\\$default"
}

resource "aws_apigatewayv2_integration" "proxy" {
  for_each = local.proxies # client_push must be known when planning.

  api_id           = var.api.id
  integration_type = "AWS_PROXY"
  # The method with which API Gateway calls Lambda, for every message.
  integration_method = "POST"
  integration_uri    = each.value

  # API Gateway refuses to delete an integration that a route still points at.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_integration" "mock" {
  for_each = local.mocks

  api_id           = var.api.id
  integration_type = "MOCK"

  # One template for every message, so that a non-JSON message gets a reply too.
  template_selection_expression = local.static_template
  request_templates             = { "$default" = jsonencode({ statusCode = 200 }) }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_integration_response" "mock" {
  for_each = local.mocks

  api_id                        = var.api.id
  integration_id                = aws_apigatewayv2_integration.mock[each.key].id
  integration_response_key      = "$default"
  template_selection_expression = local.static_template
  response_templates            = { "$default" = jsonencode(each.value) }
}

resource "aws_apigatewayv2_authorizer" "this" {
  for_each = local.authorizers

  api_id          = var.api.id
  name            = "connect"
  authorizer_type = "REQUEST"
  authorizer_uri  = each.value
  # No identity_sources, which API Gateway would require all of: a client sends its token in one of several places, and
  # the function is invoked for every request.

  # API Gateway refuses to delete an authorizer that a route still uses.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes

  api_id             = var.api.id
  route_key          = each.key
  target             = "integrations/${local.integration_ids[each.value.integration]}"
  authorization_type = contains(keys(local.authorizers), each.key) ? "CUSTOM" : "NONE"
  authorizer_id      = try(aws_apigatewayv2_authorizer.this[each.key].id, null)

  # Without this and a route response API Gateway drops the integration's response.
  route_response_selection_expression = each.value.replies ? "$default" : null
}

resource "aws_apigatewayv2_route_response" "this" {
  for_each = local.replying_routes

  api_id             = var.api.id
  route_id           = aws_apigatewayv2_route.this[each.key].id
  route_response_key = "$default"
}

# A deployment is a snapshot: a change that is not deployed has no effect on the stage. The triggers name what the
# snapshot holds, attribute by attribute; whole resources would redeploy whenever a provider release adds an attribute.
resource "aws_apigatewayv2_deployment" "this" {
  api_id      = var.api.id
  description = "Managed by Terraform"

  triggers = {
    redeployment = sha256(jsonencode({
      route_selection_expression = var.api.route_selection_expression
      proxies                    = local.proxies
      mocks                      = local.mocks
      routes                     = local.routes
      authorizers                = local.authorizers
    }))
  }

  # A stage never points to a deleted deployment.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [
    aws_apigatewayv2_integration_response.mock,
    aws_apigatewayv2_route.this,
    aws_apigatewayv2_route_response.this,
  ]
}

resource "aws_apigatewayv2_stage" "this" {
  #checkov:skip=CKV2_AWS_51:API Gateway has no client certificates for WebSocket APIs; the authorizer of $connect says who may connect.
  api_id        = var.api.id
  name          = var.stage_name
  description   = "WebSocket push notifications"
  deployment_id = aws_apigatewayv2_deployment.this.id

  # The provider sends 0 for a limit that is not set, and 0 blocks every message.
  default_route_settings {
    throttling_rate_limit  = var.throttling.rate_limit
    throttling_burst_limit = var.throttling.burst_limit
    # Execution logs need a role for the whole account, and with data trace they would hold message contents.
    logging_level      = "OFF"
    data_trace_enabled = false
  }

  # What clients can have functions do: below the account's quota, which deliveries share.
  dynamic "route_settings" {
    for_each = toset(concat(["poll", "push"], var.inbox ? ["mark"] : [], var.topics ? ["subscribe", "unsubscribe"] : []))

    content {
      route_key              = route_settings.value
      throttling_rate_limit  = var.throttling.client_rate_limit
      throttling_burst_limit = var.throttling.client_burst_limit
      logging_level          = "OFF"
      data_trace_enabled     = false
    }
  }

  dynamic "access_log_settings" {
    for_each = local.access_logs

    content {
      destination_arn = aws_cloudwatch_log_group.access[access_log_settings.key].arn
      format          = local.access_log_format
    }
  }

  tags = merge({ Name = "${var.name}-${var.stage_name}" }, var.tags)

  # No client reaches a route before its function exists and API Gateway may invoke it.
  depends_on = [
    aws_lambda_permission.alias,
    aws_lambda_permission.authorizer,
    aws_lambda_permission.route,
  ]
}

# One for each function, and only for its own route.
resource "aws_lambda_permission" "route" {
  for_each = { for route_key, route in local.routes : route_key => route.integration if contains(keys(local.proxies), route.integration) }

  statement_id = "AllowRoute-${trimprefix(each.key, "$")}"
  action       = "lambda:InvokeFunction"
  # The ARN, because it becomes unknown when a function is replaced, whose permission is deleted with it and must be
  # recreated.
  function_name = var.function_arns[each.value]
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${var.api.execution_arn}/${var.stage_name}/${each.key}"
}

# The authorizer is invoked for this API's authorizer only, not for whatever else an account's API Gateway does.
resource "aws_lambda_permission" "authorizer" {
  for_each = aws_apigatewayv2_authorizer.this

  # The API is part of it, because a user's own authorizer may serve several APIs.
  statement_id  = "AllowAuthorizer-${var.api.id}"
  action        = "lambda:InvokeFunction"
  function_name = var.function_arns.authorizer
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${var.api.execution_arn}/authorizers/${each.value.id}"

  # A first plan does not know the account yet.
  lifecycle {
    precondition {
      condition     = try(provider::aws::arn_parse(var.function_arns.authorizer).account_id == var.api.account_id, true)
      error_message = "authorizer.function_arn is in another account than the API, where nothing may be permitted to invoke it. Deploy the function in the API's account."
    }
  }
}

# A permission on a function does not reach its alias. An alias gets permissions in addition to those of its function,
# so that the deployed routes keep working while a change of provisioned concurrency is applied.
resource "aws_lambda_permission" "alias" {
  for_each = {
    for key, function in merge(
      { for route_key, route in local.routes : route_key => route.integration if contains(keys(local.proxies), route.integration) },
      { for route_key in keys(local.authorizers) : "authorizer" => "authorizer" },
    ) : key => function if contains(keys(var.function_aliases), function)
  }

  statement_id  = each.key == "authorizer" ? "AllowAliasAuthorizer-${var.api.id}" : "AllowAliasRoute-${trimprefix(each.key, "$")}"
  action        = "lambda:InvokeFunction"
  function_name = var.function_arns[each.value]
  qualifier     = var.function_aliases[each.value]
  principal     = "apigateway.amazonaws.com"
  source_arn = (
    each.key == "authorizer"
    ? "${var.api.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.this["$connect"].id}"
    : "${var.api.execution_arn}/${var.stage_name}/${each.key}"
  )
}
