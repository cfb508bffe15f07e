output "websocket_url" {
  description = "URL that clients connect to."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "ARN of the push function: what a backend invokes to send a notification."
  value       = module.push.push_function_arn
}
