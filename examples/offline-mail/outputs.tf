output "websocket_url" {
  description = "URL that clients connect to, with ?userId= and the user's name."
  value       = module.push.websocket_url
}

output "push_function_arn" {
  description = "ARN of the push function: what a backend invokes to send a notification."
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

output "event_bus_name" {
  description = "Name of the bus that the events are sent to."
  value       = aws_cloudwatch_event_bus.push.name
}

output "topic_arn" {
  description = "ARN of the topic that gets what is to be mailed."
  value       = aws_sns_topic.mail.arn
}

output "events_dead_letter_queue_url" {
  description = "URL of the queue of events that could not be sent."
  value       = module.push.events_dead_letter_queue_url
}
