locals {
  has_push_queue = nonsensitive(can(length([var.push_queue.batch_size])))
  # Fails for null, and is true also for a key that is not known yet.
  has_key = nonsensitive(can(length([trimspace(var.kms_key_arn)])))

  # SQS keeps no message longer than 14 days, and counts from when it was first sent, also in a dead-letter queue.
  longest_retention = 1209600

  # "Set the source queue's visibility timeout to at least six times the configuration timeout on your function" (Lambda
  # developer guide, "Configuring a queue to use with Lambda"), and a batch may be gathered for a while before that.
  visibility_timeout = 6 * var.push_function.timeout + try(var.push_queue.maximum_batching_window, 0)

  # For each queue, who may send besides roles with their own policies.
  senders = merge({ for key in keys(var.queue_arns) : key => [] }, { push = try(var.push_queue.source_arns, []) })

  policies = {
    for key, queue_arn in var.queue_arns : key => jsonencode({
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
        # Topics and rules have no role: the queue's policy must allow them.
        [
          for service in ["events", "sns"] : {
            Sid       = "Accept${title(service)}"
            Effect    = "Allow"
            Principal = { Service = "${service}.amazonaws.com" }
            Action    = "sqs:SendMessage"
            Resource  = queue_arn
            Condition = { ArnEquals = { "aws:SourceArn" = [for arn in local.senders[key] : arn if strcontains(arn, ":${service}:")] } }
          } if anytrue([for arn in local.senders[key] : strcontains(arn, ":${service}:")])
        ],
      )
    })
  }
}

# Asynchronous invocations of the push function whose retries are exhausted, each with its request and the reason.
resource "aws_sqs_queue" "dead_letter" {
  name                      = var.queue_names.dead_letter
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = local.has_key ? null : true
  policy                    = local.policies.dead_letter

  # Lambda writes to it; no queue may name it as its own dead-letter queue.
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })

  tags = merge({ Name = var.queue_names.dead_letter }, var.tags)
}

# Push requests, for backends that do not wait.
resource "aws_sqs_queue" "push" {
  count = local.has_push_queue ? 1 : 0

  name                       = var.queue_names.push
  visibility_timeout_seconds = local.visibility_timeout
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = local.has_key ? null : true
  policy                     = local.policies.push

  # A week. A message that is older is deleted without a trace, so a week is longer than all receives can take: 50 of
  # them, the maximum, with a function timeout of 15 minutes, take 79 hours. The rest of the 14 days is the time to look
  # into the dead-letter queue.
  message_retention_seconds = 604800

  tags = merge({ Name = var.queue_names.push }, var.tags)
}

# Messages of the push queue that failed every time, unchanged.
resource "aws_sqs_queue" "push_dead_letter" {
  count = local.has_push_queue ? 1 : 0

  name                      = var.queue_names.push_dead_letter
  message_retention_seconds = local.longest_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = local.has_key ? null : true
  policy                    = local.policies.push_dead_letter

  tags = merge({ Name = var.queue_names.push_dead_letter }, var.tags)
}

# The two queues refer to each other, so these are separate resources. Nothing that depends on a queue depends on them.
resource "aws_sqs_queue_redrive_policy" "push" {
  count = local.has_push_queue ? 1 : 0

  queue_url = aws_sqs_queue.push[0].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.push_dead_letter[0].arn
    maxReceiveCount     = var.push_queue.max_receive_count
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "push_dead_letter" {
  count = local.has_push_queue ? 1 : 0

  queue_url = aws_sqs_queue.push_dead_letter[0].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.push[0].arn]
  })
}
