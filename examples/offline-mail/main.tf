# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# What is kept for a user who is offline is mailed, without code: a rule turns the event notification.undelivered into a
# message to an SNS topic. A trial: clients are not authenticated, and terraform destroy may delete the tables.
module "push" {
  source = "../../"

  name   = "push-offline-mail"
  events = { event_bus_arn = aws_cloudwatch_event_bus.push.arn, include_content = true }

  allow_anonymous     = true
  deletion_protection = false
}

resource "aws_cloudwatch_event_bus" "push" {
  name = "push-offline-mail"
}

resource "aws_cloudwatch_event_rule" "undelivered" {
  name           = "push-offline-mail-undelivered"
  description    = "Notifications whose user has no connection"
  event_bus_name = aws_cloudwatch_event_bus.push.name

  event_pattern = jsonencode({
    source        = ["push-offline-mail"]
    "detail-type" = ["notification.undelivered"]
  })
}

resource "aws_cloudwatch_event_target" "mail" {
  rule           = aws_cloudwatch_event_rule.undelivered.name
  event_bus_name = aws_cloudwatch_event_bus.push.name
  arn            = aws_sns_topic.mail.arn

  input_transformer {
    input_paths = {
      at      = "$.detail.data.createdAt"
      content = "$.detail.data.content"
      user    = "$.detail.data.userId"
    }
    # No quotes around the placeholders: each is inserted as JSON, a string with its quotes.
    input_template = <<-EOT
      {"user": <user>, "at": <at>, "content": <content>}
    EOT
  }
}

resource "aws_sns_topic" "mail" {
  #checkov:skip=CKV_AWS_26:EventBridge cannot publish to a topic that the key alias/aws/sns encrypts; a customer managed key must admit it.
  name         = "push-offline-mail"
  display_name = "Notifications"
}

resource "aws_sns_topic_policy" "mail" {
  arn = aws_sns_topic.mail.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AcceptTheRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.mail.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.undelivered.arn } }
      },
    ]
  })
}

# All of it to one address, for the trial. An application subscribes a function, which knows the addresses of its users.
resource "aws_sns_topic_subscription" "mail" {
  count = var.mail_address == null ? 0 : 1

  topic_arn = aws_sns_topic.mail.arn
  protocol  = "email"
  endpoint  = var.mail_address
}
