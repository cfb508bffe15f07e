# A line of JSON for each connection, message and disconnection, with values that API Gateway itself knows about the
# request. It contains neither what a client sends, nor headers and query string, which may hold a token, nor the
# authorizer's response, which may hold claims. No value contains a quotation mark, so every line is JSON; a missing
# value is "-".
#
# API Gateway writes with a role of the account and Region, not of an API: see README.md.
locals {
  access_logs = { for key in nonsensitive(var.access_logs == null) ? [] : ["access"] : key => var.access_logs }

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
