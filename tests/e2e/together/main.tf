# Topics with an authorizer of one's own, fed by a bus and an SNS topic, with limits and events.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {}

module "push" {
  source = "../../../"

  name                = "together"
  authorizer          = { function_name = aws_lambda_function.authorizer.function_name, function_arn = aws_lambda_function.authorizer.arn }
  topics              = { immediate_connections = 1 }
  limits              = { connections_per_user = 2, on_excess = "close_oldest" }
  events              = { event_bus_arn = aws_cloudwatch_event_bus.this.arn }
  push_queue          = { source_arns = [aws_cloudwatch_event_rule.news.arn, aws_sns_topic.news.arn] }
  deletion_protection = false
}

# --- The authorizer: authorizer.zip is written before the apply.

resource "aws_lambda_function" "authorizer" {
  function_name    = "together-authorizer"
  role             = aws_iam_role.authorizer.arn
  runtime          = "python3.13"
  handler          = "authorizer.handler"
  filename         = "${path.module}/authorizer.zip"
  source_code_hash = filebase64sha256("${path.module}/authorizer.zip")
}

resource "aws_iam_role" "authorizer" {
  name = "together-authorizer"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

# --- What feeds the push queue, and where events go.

resource "aws_cloudwatch_event_bus" "this" {
  name = "together"
}

resource "aws_cloudwatch_event_rule" "news" {
  name          = "together-news"
  event_pattern = jsonencode({ source = ["shop.news"] })
}

resource "aws_cloudwatch_event_target" "news" {
  rule = aws_cloudwatch_event_rule.news.name
  arn  = module.push.push_queue_arn

  input_transformer {
    input_paths    = { topic = "$.detail.topic", text = "$.detail.text" }
    input_template = "{\"topic\": <topic>, \"content\": <text>}"
  }
}

resource "aws_sns_topic" "news" {
  name = "together-news"
}

resource "aws_sns_topic_subscription" "news" {
  topic_arn            = aws_sns_topic.news.arn
  protocol             = "sqs"
  endpoint             = module.push.push_queue_arn
  raw_message_delivery = true
}

output "websocket_url" {
  description = "URL that clients connect to."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "What a backend invokes."
  value       = module.push.push_function_arn
}

output "push_queue_url" {
  description = "Where a backend sends push requests."
  value       = module.push.push_queue_url
}

output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = module.push.clients_table_name
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = module.push.notifications_table_name
}

output "subscriptions_table_name" {
  description = "Name of the table of subscriptions."
  value       = module.push.subscriptions_table_name
}

output "fanout_queue_dead_letter_queue_url" {
  description = "Where segments are that failed every time."
  value       = module.push.fanout_queue_dead_letter_queue_url
}

output "topic_arn" {
  description = "Where push requests are published."
  value       = aws_sns_topic.news.arn
}

output "event_bus_name" {
  description = "Where the events are."
  value       = aws_cloudwatch_event_bus.this.name
}
