output "websocket_url" {
  description = "URL that clients connect to, with a token."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "ARN of the push function: what a backend invokes to send a notification."
  value       = module.push.push_function_arn
}

output "push_invoke_policy_json" {
  description = "IAM policy that lets a backend's role invoke the push function."
  value       = module.push.push_invoke_policy_json
}

output "connections_url" {
  description = "Base URL of the management API."
  value       = module.push.connections_url
}

output "api_id" {
  description = "ID of the WebSocket API."
  value       = module.push.api_id
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
  description = "Names of the functions' log groups."
  value       = module.push.log_group_names
}

output "subscriptions_table_name" {
  description = "Name of the table of subscriptions to topics."
  value       = module.push.subscriptions_table_name
}

output "fanout_queue_url" {
  description = "URL of the queue of segments: what is broadcast and not yet sent."
  value       = module.push.fanout_queue_url
}

output "fanout_queue_dead_letter_queue_url" {
  description = "URL of the queue of segments that failed every time."
  value       = module.push.fanout_queue_dead_letter_queue_url
}
