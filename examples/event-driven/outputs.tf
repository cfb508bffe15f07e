output "websocket_url" {
  description = "URL that clients connect to, with ?userId= and the user's name."
  value       = module.push.websocket_url
}

output "push_queue_url" {
  description = "URL of the queue that the rule and the topic send push requests to."
  value       = module.push.push_queue_url
}

output "push_queue_arn" {
  description = "ARN of that queue."
  value       = module.push.push_queue_arn
}

output "push_queue_send_policy_json" {
  description = "IAM policy that lets a backend's role send to the queue."
  value       = module.push.push_queue_send_policy_json
}

output "push_queue_dead_letter_queue_url" {
  description = "URL of the queue where messages end that failed every time."
  value       = module.push.push_queue_dead_letter_queue_url
}

output "push_function_arn" {
  description = "ARN of the push function: what a backend invokes to send a notification."
  value       = module.push.push_function_arn
}

output "push_invoke_policy_json" {
  description = "IAM policy that lets a backend's role invoke the push function."
  value       = module.push.push_invoke_policy_json
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue of asynchronous invocations."
  value       = module.push.dead_letter_queue_url
}

output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = module.push.clients_table_name
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = module.push.notifications_table_name
}

output "event_rule_name" {
  description = "Name of the rule whose events become notifications."
  value       = aws_cloudwatch_event_rule.orders.name
}

output "topic_arn" {
  description = "ARN of the topic that push requests are published to."
  value       = aws_sns_topic.announcements.arn
}
