output "dead_letter_queue_url" {
  description = "URL of the queue of failed asynchronous invocations."
  value       = aws_sqs_queue.dead_letter.url
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of failed asynchronous invocations."
  value       = aws_sqs_queue.dead_letter.arn
}

output "push_queue_url" {
  description = "URL of the queue of push requests; null without push_queue."
  value       = one(aws_sqs_queue.push[*].url)
}

output "push_queue_arn" {
  description = "ARN of the queue of push requests; null without push_queue."
  value       = one(aws_sqs_queue.push[*].arn)
}

output "push_queue_dead_letter_queue_url" {
  description = "URL of the dead-letter queue of the push queue; null without push_queue."
  value       = one(aws_sqs_queue.push_dead_letter[*].url)
}

output "push_queue_dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue of the push queue; null without push_queue."
  value       = one(aws_sqs_queue.push_dead_letter[*].arn)
}

output "events_dead_letter_queue_url" {
  description = "URL of the queue of what the events function could not report; null without events."
  value       = one(aws_sqs_queue.events_dead_letter[*].url)
}

output "events_dead_letter_queue_arn" {
  description = "ARN of the queue of what the events function could not report; null without events."
  value       = one(aws_sqs_queue.events_dead_letter[*].arn)
}

output "fanout_queue_url" {
  description = "URL of the queue of segments; null without fan_out."
  value       = one(aws_sqs_queue.fanout[*].url)
}

output "fanout_queue_arn" {
  description = "ARN of the queue of segments; null without fan_out."
  value       = one(aws_sqs_queue.fanout[*].arn)
}

output "fanout_queue_dead_letter_queue_url" {
  description = "URL of the queue of segments that failed every time; null without fan_out."
  value       = one(aws_sqs_queue.fanout_dead_letter[*].url)
}

output "fanout_queue_dead_letter_queue_arn" {
  description = "ARN of the queue of segments that failed every time; null without fan_out."
  value       = one(aws_sqs_queue.fanout_dead_letter[*].arn)
}

output "push_queue_send_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role send to the queue of push requests and nothing else; null without push_queue."
  value = !local.has_push_queue ? null : jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = aws_sqs_queue.push[*].arn
        },
      ],
      # SQS calls KMS on the sender's behalf, and Decrypt to check a data key that it reuses.
      [
        for arn in [var.kms_key_arn] : {
          Effect   = "Allow"
          Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource = [arn]
        } if arn != null
      ],
    )
  })
}
