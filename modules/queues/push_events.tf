# Asynchronous invocation of the push function, directly and through the push queue. Requests that fail are not lost but
# moved to a dead-letter queue.
resource "aws_lambda_function_event_invoke_config" "push" {
  # Lambda deletes these settings with the function, so a new function, whose ARN is unknown in the plan, gets them
  # again.
  function_name = var.push_function.arn

  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letter.arn
    }
  }
}

# A function's settings do not apply to its alias, which backends invoke if there is one.
resource "aws_lambda_function_event_invoke_config" "push_alias" {
  for_each = var.push_function.alias == null ? {} : { push = var.push_function.alias }

  function_name = var.push_function.arn
  qualifier     = each.value

  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letter.arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "push" {
  count = local.has_push_queue ? 1 : 0

  event_source_arn = aws_sqs_queue.push[0].arn
  function_name    = var.push_function.invocation_arn

  batch_size                         = var.push_queue.batch_size
  maximum_batching_window_in_seconds = var.push_queue.maximum_batching_window

  # The function reports the messages that failed. Without this, Lambda would ignore the report and delete them too.
  function_response_types = ["ReportBatchItemFailures"]

  # So that a burst leaves concurrency for the account's other functions.
  scaling_config {
    maximum_concurrency = var.push_queue.maximum_concurrency
  }

  tags = merge({ Name = var.push_function.name }, var.tags)
}
