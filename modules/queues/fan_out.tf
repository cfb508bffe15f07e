# Segments of notifications for topics and broadcasts: push sends them, and so does the fanout function what it has no time
# for. A queue of its own, so that no request to push to a user waits behind a million connections.
locals {
  has_fan_out = nonsensitive(var.fan_out != null)

  fan_out_visibility_timeout = 6 * try(var.fan_out.function.timeout, 0)
}

resource "aws_sqs_queue" "fanout" {
  count = local.has_fan_out ? 1 : 0

  name                       = var.queue_names.fanout
  visibility_timeout_seconds = local.fan_out_visibility_timeout
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = local.has_key ? null : true
  policy                     = local.policies.fanout
  message_retention_seconds  = 604800

  tags = merge({ Name = var.queue_names.fanout }, var.tags)
}

# Where segments end that failed every time. One that is moved back goes on where it was: a message says it all.
resource "aws_sqs_queue" "fanout_dead_letter" {
  count = local.has_fan_out ? 1 : 0

  name                      = var.queue_names.fanout_dead_letter
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = local.has_key ? null : true
  policy                    = local.policies.fanout_dead_letter

  tags = merge({ Name = var.queue_names.fanout_dead_letter }, var.tags)
}

resource "aws_sqs_queue_redrive_policy" "fanout" {
  count = local.has_fan_out ? 1 : 0

  queue_url = aws_sqs_queue.fanout[0].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.fanout_dead_letter[0].arn
    # AWS advises at least 5 for a queue that feeds a function.
    maxReceiveCount = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "fanout_dead_letter" {
  count = local.has_fan_out ? 1 : 0

  queue_url = aws_sqs_queue.fanout_dead_letter[0].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.fanout[0].arn]
  })
}

resource "aws_lambda_event_source_mapping" "fanout" {
  count = local.has_fan_out ? 1 : 0

  event_source_arn = aws_sqs_queue.fanout[0].arn
  function_name    = var.fan_out.function.invocation_arn

  # A segment takes as long as it may.
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]

  # Each worker sends its part of the broadcast rate, so there may be no more of them.
  scaling_config {
    maximum_concurrency = var.fan_out.workers
  }

  tags = merge({ Name = var.fan_out.function.name }, var.tags)
}
