# The module as the fault runs need it: with its queue, and with a push that gives up soon.
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

  name                = "chaos"
  allow_anonymous     = true
  deletion_protection = false
  push_queue          = { maximum_concurrency = 4, max_receive_count = 20 }
  inbox               = {}

  functions = {
    connect = { timeout = 5 }
    poll    = { timeout = 5 }
    push    = { timeout = 6 }
  }
}

# Beside it one with topics, so that the other runs are about the module without them.
module "topics" {
  source = "../../../"

  name                = "chaos-topics"
  allow_anonymous     = true
  deletion_protection = false
  # More than the connections of a topic of one user, fewer than those of a topic of both.
  topics = { immediate_connections = 6, broadcast_rate = 200 }

  functions = {
    connect = { timeout = 5 }
    poll    = { timeout = 5 }
    push    = { timeout = 6 }
    fanout  = { timeout = 10 }
  }
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
  description = "What a backend sends messages to."
  value       = module.push.push_queue_url
}

output "dead_letter_queue_url" {
  description = "Where asynchronous invocations end that came to nothing."
  value       = module.push.dead_letter_queue_url
}

output "push_queue_dead_letter_queue_url" {
  description = "Where messages end that came to nothing."
  value       = module.push.push_queue_dead_letter_queue_url
}

output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = module.push.clients_table_name
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = module.push.notifications_table_name
}

# And one with control, so that the other runs are about the module without it.
module "control" {
  source = "../../../"

  name                = "chaos-control"
  allow_anonymous     = true
  deletion_protection = false
  control             = {}

  functions = {
    connect = { timeout = 5 }
    poll    = { timeout = 5 }
    push    = { timeout = 6 }
  }
}

output "control_websocket_url" {
  description = "URL that clients connect to, with control."
  value       = module.control.websocket_url
}

output "control_push_function_arn" {
  description = "What a backend invokes to push, with control."
  value       = module.control.push_function_arn
}

output "control_control_function_arn" {
  description = "What a backend invokes to see, disconnect and revoke."
  value       = module.control.control_function_arn
}

output "control_clients_table_name" {
  description = "Name of the table of open connections, with control."
  value       = module.control.clients_table_name
}

output "control_notifications_table_name" {
  description = "Name of the table of persisted notifications, with control."
  value       = module.control.notifications_table_name
}

output "topics_websocket_url" {
  description = "URL that clients connect to, with topics."
  value       = module.topics.websocket_url
}

output "topics_push_function_arn" {
  description = "What a backend invokes, with topics."
  value       = module.topics.push_function_arn
}

output "topics_clients_table_name" {
  description = "Name of the table of open connections, with topics."
  value       = module.topics.clients_table_name
}

output "topics_notifications_table_name" {
  description = "Name of the table of persisted notifications, with topics."
  value       = module.topics.notifications_table_name
}

output "topics_fanout_queue_url" {
  description = "Where segments wait."
  value       = module.topics.fanout_queue_url
}

output "topics_fanout_queue_dead_letter_queue_url" {
  description = "Where segments end that came to nothing."
  value       = module.topics.fanout_queue_dead_letter_queue_url
}
