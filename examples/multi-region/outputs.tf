output "websocket_urls" {
  description = "URLs that clients connect to, by Region, with ?userId= and the user's name."
  value = {
    (var.regions.first)  = module.first.websocket_url
    (var.regions.second) = module.second.websocket_url
  }
}

output "push_function_arns" {
  description = "ARNs of the push functions: what a backend invokes, both, to send a notification."
  value       = [module.first.push_function_arn, module.second.push_function_arn]
}
