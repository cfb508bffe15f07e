# How the push function is invoked besides synchronously: asynchronously, and by the queue of push requests. What it does
# not get done there is not lost: it ends in a dead-letter queue.
locals {
  # Apart from the other settings, which depend on the queues: these depend on it in turn.
  push_default_timeout = 30
  push_timeout         = coalesce(try(var.functions["push"].timeout, null), local.push_default_timeout)

  push_event_statements = concat(
    [
      {
        # Lambda sends what failed in the function's name.
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [var.queues.dead_letter_queue_arn]
      },
    ],
    [
      for queue in var.push_queue[*] : {
        # Lambda receives and deletes messages in the function's name, too.
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = [var.queues.push_queue_arn]
      }
    ],
    [
      for arn in var.queues.kms_key_arn[*] : {
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [arn]
      }
    ],
  )
}

resource "aws_lambda_function_event_invoke_config" "push" {
  # Lambda forgets these settings with the function, so a new function, whose ARN is not known yet, gets them anew.
  function_name = aws_lambda_function.this["push"].arn

  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts

  destination_config {
    on_failure {
      destination = var.created_queues.dead_letter_queue_arn
    }
  }
}

# The settings of a function do not hold for its alias, by which backends invoke it where there is one.
resource "aws_lambda_function_event_invoke_config" "push_alias" {
  for_each = { for key, alias in aws_lambda_alias.this : key => alias if key == "push" }

  function_name = aws_lambda_function.this["push"].arn
  qualifier     = each.value.name

  maximum_event_age_in_seconds = var.async_invocation.maximum_event_age
  maximum_retry_attempts       = var.async_invocation.maximum_retry_attempts

  destination_config {
    on_failure {
      destination = var.created_queues.dead_letter_queue_arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "push" {
  count = var.push_queue == null ? 0 : 1

  event_source_arn = var.created_queues.push_queue_arn
  function_name    = local.push_invocation_arn

  batch_size                         = var.push_queue.batch_size
  maximum_batching_window_in_seconds = var.push_queue.maximum_batching_window

  # The function names the messages that failed. Without this, Lambda would not look, and delete them with the others.
  function_response_types = ["ReportBatchItemFailures"]

  # So that a burst leaves concurrency to the other functions of the account.
  scaling_config {
    maximum_concurrency = var.push_queue.maximum_concurrency
  }

  tags = merge({ Name = local.function_names["push"] }, var.tags)
}
