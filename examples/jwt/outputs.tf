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

output "control_function_arn" {
  description = "ARN of the control function: what a backend invokes to see who is online, disconnect and revoke."
  value       = module.push.control_function_arn
}

output "control_invoke_policy_json" {
  description = "IAM policy that lets a backend's role invoke the control function."
  value       = module.push.control_invoke_policy_json
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
