# How the push function is invoked besides synchronously: asynchronously, and by the queue of push requests. What it does
# not get done there is not lost: it ends in a dead-letter queue.
resource "aws_lambda_function_event_invoke_config" "push" {
  # Lambda forgets these settings with the function, so a new function, whose ARN is not known yet, gets them anew.
  function_name = var.push_function.arn

  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letter.arn
    }
  }
}

# The settings of a function do not hold for its alias, by which backends invoke it where there is one.
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

  # The function names the messages that failed. Without this, Lambda would not look, and delete them with the others.
  function_response_types = ["ReportBatchItemFailures"]

  # So that a burst leaves concurrency to the other functions of the account.
  scaling_config {
    maximum_concurrency = var.push_queue.maximum_concurrency
  }

  tags = merge({ Name = var.push_function.name }, var.tags)
}
