# A line of JSON for each connection, message and disconnection, made of what API Gateway itself knows of the request.
# What a client sends takes no part, and neither do the headers and the query string, which may carry a token, nor the
# authorizer's answer, which may carry claims. No value holds a quotation mark, so every line is JSON; a value that
# there is none of is "-".
#
# API Gateway writes by a role that is one for the account and Region, not one for an API: see README.md.
locals {
  access_logs = { for settings in var.access_logs[*] : "access" => settings }

  access_log_fields = merge(
    {
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
    },
    try(var.access_logs.source_ip, false) ? { sourceIp = "$context.identity.sourceIp" } : {},
  )

  access_log_format = jsonencode(local.access_log_fields)
}

resource "aws_cloudwatch_log_group" "access" {
  for_each = local.access_logs

  name              = "/aws/apigateway/${var.name}-${var.stage_name}"
  retention_in_days = each.value.retention_days
  kms_key_id        = var.logs_key_arn

  tags = merge({ Name = "${var.name}-${var.stage_name}" }, var.tags)
}
