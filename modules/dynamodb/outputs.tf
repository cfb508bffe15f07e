output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = aws_dynamodb_table.clients.name
}

output "clients_table_arn" {
  description = "ARN of the table of open connections."
  value       = aws_dynamodb_table.clients.arn
}

output "clients_stream_arn" {
  description = "ARN of the stream of the table of open connections; null without one."
  value       = var.stream ? aws_dynamodb_table.clients.stream_arn : null
}

output "clients_index_name" {
  description = "Name of the index that finds a user's connections."
  value       = local.clients_index_name
}

output "clients_index_arn" {
  description = "ARN of the index that finds a user's connections."
  value       = "${aws_dynamodb_table.clients.arn}/index/${local.clients_index_name}"
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = aws_dynamodb_table.notifications.name
}

output "notifications_table_arn" {
  description = "ARN of the table of persisted notifications."
  value       = aws_dynamodb_table.notifications.arn
}

output "subscriptions_table_name" {
  description = "Name of the table of subscriptions; null without topics."
  value       = one(aws_dynamodb_table.subscriptions[*].name)
}

output "subscriptions_table_arn" {
  description = "ARN of the table of subscriptions; null without topics."
  value       = one(aws_dynamodb_table.subscriptions[*].arn)
}

output "deployed_packages" {
  description = "Packages that the functions had when the last apply was complete, as modules/lambda noted in a tag of the clients table; \"\" before the first."
  value       = lookup(aws_dynamodb_table.clients.tags, "websocket-push:deployed", "")
}
