# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# Events of AWS or of your own services become notifications without code: an EventBridge rule and an SNS topic send to
# the push queue. A trial: clients are not authenticated, and terraform destroy may delete the tables.
module "push" {
  source = "../../"

  name = "push-by-events"

  # The queue's policy must allow a rule or a topic to send: it allows these two.
  push_queue = {
    source_arns = [aws_cloudwatch_event_rule.orders.arn, aws_sns_topic.announcements.arn]
  }

  allow_anonymous     = true
  deletion_protection = false
}

# --- EventBridge: an event becomes a push request by the rule's input transformer.

resource "aws_cloudwatch_event_rule" "orders" {
  name        = "push-by-events-orders"
  description = "Orders that have been shipped"

  event_pattern = jsonencode({
    source        = ["shop.orders"]
    "detail-type" = ["OrderShipped"]
    # The event must have what the template inserts.
    detail = {
      customerId = [{ exists = true }]
      orderId    = [{ exists = true }]
    }
  })
}

resource "aws_cloudwatch_event_target" "orders" {
  rule = aws_cloudwatch_event_rule.orders.name
  arn  = module.push.push_queue_arn

  input_transformer {
    input_paths = {
      customer = "$.detail.customerId"
      order    = "$.detail.orderId"
      time     = "$.time"
    }
    # No quotes around the placeholders: each is inserted as JSON, a string with its quotes.
    input_template = <<-EOT
      {"userId": <customer>, "content": {"type": "order_shipped", "order": <order>, "at": <time>}}
    EOT
  }
}

# --- SNS: what is published is a push request, and reaches the queue unchanged.

resource "aws_sns_topic" "announcements" {
  name              = "push-by-events-announcements"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "announcements" {
  topic_arn = aws_sns_topic.announcements.arn
  protocol  = "sqs"
  endpoint  = module.push.push_queue_arn

  # Without this the message would arrive in an envelope, which is not a push request.
  raw_message_delivery = true
}
