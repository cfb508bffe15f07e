# The module with other settings than examples/minimal has.
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

variable "client_push" {
  description = "See the module."
  type        = string
  nullable    = false
}

module "push" {
  source = "../../../"

  name                = "variant"
  allow_anonymous     = true
  client_push         = var.client_push
  persist_by_default  = false
  stage_name          = "variant"
  deletion_protection = false
  log_level           = "WARN"
  metrics_namespace   = "Variant"
  dashboard           = true

  alarms = {
    sns_topic_arns = [aws_sns_topic.operations.arn]
    thresholds     = { deliveries_failed = 2.5 }
  }
}

resource "aws_sns_topic" "operations" {
  name = "variant-operations"
}

output "websocket_url" {
  description = "URL that clients connect to."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "What a backend invokes."
  value       = module.push.push_function_arn
}

output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = module.push.clients_table_name
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = module.push.notifications_table_name
}

output "log_group_names" {
  description = "By function."
  value       = module.push.log_group_names
}

output "alarm_arns" {
  description = "By key."
  value       = module.push.alarm_arns
}
