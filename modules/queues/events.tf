# What the events function reports: changes of the clients table, by its stream, and messages of push, fanout and itself.
locals {
  has_events = nonsensitive(var.events != null)
}

resource "aws_sqs_queue" "events" {
  count = local.has_events ? 1 : 0

  name                    = var.queue_names.events
  kms_master_key_id       = var.kms_key_arn
  sqs_managed_sse_enabled = local.has_key ? null : true
  policy                  = local.policies.events

  # Six times the timeout, as for the push queue.
  visibility_timeout_seconds = 6 * try(var.events.function.timeout, 0)
  message_retention_seconds  = 604800

  tags = merge({ Name = var.queue_names.events }, var.tags)
}

# Messages that failed every time, as they were sent, and of the stream where the records are that did: Lambda keeps those
# for 24 hours.
resource "aws_sqs_queue" "events_dead_letter" {
  count = local.has_events ? 1 : 0

  name                      = var.queue_names.events_dead_letter
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = local.has_key ? null : true
  policy                    = local.policies.events_dead_letter

  tags = merge({ Name = var.queue_names.events_dead_letter }, var.tags)
}

resource "aws_sqs_queue_redrive_policy" "events" {
  count = local.has_events ? 1 : 0

  queue_url = aws_sqs_queue.events[0].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.events_dead_letter[0].arn
    # AWS advises at least 5 for a queue that feeds a function.
    maxReceiveCount = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "events_dead_letter" {
  count = local.has_events ? 1 : 0

  queue_url = aws_sqs_queue.events_dead_letter[0].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events[0].arn]
  })
}

resource "aws_lambda_event_source_mapping" "events" {
  count = local.has_events ? 1 : 0

  event_source_arn = aws_sqs_queue.events[0].arn
  function_name    = var.events.function.invocation_arn

  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 10
  }

  tags = merge({ Name = var.events.function.name }, var.tags)
}

resource "aws_lambda_event_source_mapping" "stream" {
  count = local.has_events ? 1 : 0

  event_source_arn = var.events.stream_arn
  function_name    = var.events.function.invocation_arn

  # From the first change on. What is not a connection opened or closed invokes nothing.
  starting_position = "TRIM_HORIZON"
  batch_size        = 100
  # Changes of one connection stay in order.
  parallelization_factor = 10

  filter_criteria {
    filter {
      pattern = jsonencode({ eventName = ["INSERT"], dynamodb = { NewImage = { userId = { S = [{ exists = true }] } } } })
    }

    filter {
      pattern = jsonencode({ eventName = ["REMOVE"], dynamodb = { OldImage = { userId = { S = [{ exists = true }] } } } })
    }
  }

  # A bad record does not take its batch with it, and holds up those behind it for minutes, not for a day.
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 10
  maximum_record_age_in_seconds  = 3600

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.events_dead_letter[0].arn
    }
  }

  tags = merge({ Name = var.events.function.name }, var.tags)
}
