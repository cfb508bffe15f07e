output "websocket_url" {
  description = "URL that clients connect to, with ?userId= and the user's name: at the custom domain."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "ARN of the push function: what a backend invokes to send a notification."
  value       = module.push.push_function_arn
}

output "connections_url" {
  description = "Base URL of the management API, which stays at the API's own address."
  value       = module.push.connections_url
}
