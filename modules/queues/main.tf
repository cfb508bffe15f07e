locals {
  dead_letter_queue_name      = "${var.name}-dead-letters"
  push_queue_name             = "${var.name}-push"
  push_dead_letter_queue_name = "${var.name}-push-dead-letters"

  # SQS keeps no message longer than 14 days, and counts from when it was first sent, also in a dead-letter queue.
  longest_retention = 1209600

  # "Set the source queue's visibility timeout to at least six times the configuration timeout on your function" (Lambda
  # developer guide, "Configuring a queue to use with Lambda"), and a batch may be gathered for a while before that.
  visibility_timeout = 6 * var.push_function_timeout + try(var.push_queue.maximum_batching_window, 0)

  # Known before the queues are: Terraform waits half a minute for each, and for each of their policies if it is a resource
  # of its own, because SQS spreads settings slowly.
  arns = {
    dead_letter      = "${var.arn_prefix}:${local.dead_letter_queue_name}"
    push             = "${var.arn_prefix}:${local.push_queue_name}"
    push_dead_letter = "${var.arn_prefix}:${local.push_dead_letter_queue_name}"
  }

  # By queue, who may send besides the roles whose own policies say so.
  senders = { dead_letter = [], push_dead_letter = [], push = try(var.push_queue.source_arns, []) }

  policies = {
    for key, queue_arn in local.arns : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid       = "RefuseWithoutTls"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sqs:*"
            Resource  = queue_arn
            Condition = { Bool = { "aws:SecureTransport" = "false" } }
          },
        ],
        # A topic and a rule have no role: SQS asks the queue's policy about them.
        [
          for service in ["events", "sns"] : {
            Sid       = "Accept${title(service)}"
            Effect    = "Allow"
            Principal = { Service = "${service}.amazonaws.com" }
            Action    = "sqs:SendMessage"
            Resource  = queue_arn
            Condition = { ArnEquals = { "aws:SourceArn" = [for arn in local.senders[key] : arn if split(":", arn)[2] == service] } }
          } if anytrue([for arn in local.senders[key] : split(":", arn)[2] == service])
        ],
      )
    })
  }
}

# Where asynchronous invocations of the push function end that came to nothing, each with its request and the reason.
resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_queue_name
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  policy                    = local.policies.dead_letter

  # Lambda writes to it; no queue may name it as its own dead-letter queue.
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })

  tags = merge({ Name = local.dead_letter_queue_name }, var.tags)
}

# Push requests, for backends that hand them over and go on.
resource "aws_sqs_queue" "push" {
  count = var.push_queue == null ? 0 : 1

  name                       = local.push_queue_name
  visibility_timeout_seconds = local.visibility_timeout
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  policy                     = local.policies.push

  # A week. A message that outlives it is gone without a trace, so it is more than all receives can take: 50 of them, the
  # most that there may be, with a function of 15 minutes, are 79 hours. What is left of the 14 days is for whoever looks
  # into the dead-letter queue.
  message_retention_seconds = 604800

  tags = merge({ Name = local.push_queue_name }, var.tags)
}

# Where messages of that queue end that failed every time, as they were sent.
resource "aws_sqs_queue" "push_dead_letter" {
  count = var.push_queue == null ? 0 : 1

  name                      = local.push_dead_letter_queue_name
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  policy                    = local.policies.push_dead_letter

  tags = merge({ Name = local.push_dead_letter_queue_name }, var.tags)
}

# The two queues name each other, so by resources of their own. And nothing waits for them that waits for a queue.
resource "aws_sqs_queue_redrive_policy" "push" {
  count = var.push_queue == null ? 0 : 1

  queue_url = aws_sqs_queue.push[0].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.push_dead_letter[0].arn
    maxReceiveCount     = var.push_queue.max_receive_count
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "push_dead_letter" {
  count = var.push_queue == null ? 0 : 1

  queue_url = aws_sqs_queue.push_dead_letter[0].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.push[0].arn]
  })
}
