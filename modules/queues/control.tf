# What the control function does once more a few seconds later: it sends itself a delayed message.
locals {
  has_control = nonsensitive(var.control_function != null)
}

resource "aws_sqs_queue" "control" {
  count = local.has_control ? 1 : 0

  name                    = var.queue_names.control
  kms_master_key_id       = var.kms_key_arn
  sqs_managed_sse_enabled = local.has_key ? null : true
  policy                  = local.policies.control

  # Six times the timeout, as for the push queue.
  visibility_timeout_seconds = 6 * try(var.control_function.timeout, 0)
  # No dead-letter queue: what could not be closed by then has ended by itself, since API Gateway keeps no connection for
  # more than two hours. Each time it fails is an error of the function, for which there is an alarm.
  message_retention_seconds = 7200

  tags = merge({ Name = var.queue_names.control }, var.tags)
}

resource "aws_lambda_event_source_mapping" "control" {
  count = local.has_control ? 1 : 0

  event_source_arn = aws_sqs_queue.control[0].arn
  function_name    = var.control_function.invocation_arn

  # A message that fails is received again, and no other one with it.
  batch_size = 1

  scaling_config {
    maximum_concurrency = 10
  }

  tags = merge({ Name = var.control_function.name }, var.tags)
}
