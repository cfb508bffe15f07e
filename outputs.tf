output "websocket_url" {
  description = "URL that clients connect to (wss://...)."
  value       = module.websocket_api.websocket_url
}

output "push_function_arn" {
  description = "ARN that a backend invokes to push a notification: that of the push function, or of its alias with provisioned_concurrency."
  value       = module.lambda.push_invocation_arn
}

output "push_function_name" {
  description = "Name of the push function."
  value       = module.lambda.push_function_name
}

output "push_invoke_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role invoke the push function and nothing else."
  value       = module.lambda.push_invoke_policy_json
}

output "control_function_arn" {
  description = "ARN that a backend invokes to see who is connected, disconnect and revoke: that of the control function, or of its alias with provisioned_concurrency; null without control."
  value       = module.lambda.control_invocation_arn
}

output "control_invoke_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role invoke the control function and nothing else; null without control."
  value       = module.lambda.control_invoke_policy_json
}

output "dead_letter_queue_url" {
  description = "URL of the queue that asynchronous invocations of the push function are moved to once retries are exhausted, each with its request and the reason."
  value       = module.queues.dead_letter_queue_url
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue that asynchronous invocations of the push function are moved to once retries are exhausted."
  value       = module.queues.dead_letter_queue_arn
}

output "push_queue_url" {
  description = "URL of the queue that a backend sends push requests to; null without push_queue."
  value       = module.queues.push_queue_url
}

output "push_queue_arn" {
  description = "ARN of the queue that a backend sends push requests to; null without push_queue."
  value       = module.queues.push_queue_arn
}

output "push_queue_send_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role send to the push queue and nothing else; null without push_queue."
  value       = module.queues.push_queue_send_policy_json
}

output "push_queue_dead_letter_queue_url" {
  description = "URL of the dead-letter queue of the push queue, with messages as they were sent; null without push_queue."
  value       = module.queues.push_queue_dead_letter_queue_url
}

output "push_queue_dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue of the push queue; null without push_queue."
  value       = module.queues.push_queue_dead_letter_queue_arn
}

output "connections_url" {
  description = "Base URL of the management API (@connections), which the push function posts to; at the custom domain with custom_domain.posts."
  value       = local.connections_url
}

output "api_id" {
  description = "ID of the WebSocket API."
  value       = module.api.id
}

output "clients_table_name" {
  description = "Name of the table of open connections."
  value       = module.dynamodb.clients_table_name
}

output "clients_table_arn" {
  description = "ARN of the table of open connections."
  value       = module.dynamodb.clients_table_arn
}

output "notifications_table_name" {
  description = "Name of the table of persisted notifications."
  value       = module.dynamodb.notifications_table_name
}

output "notifications_table_arn" {
  description = "ARN of the table of persisted notifications."
  value       = module.dynamodb.notifications_table_arn
}

output "subscriptions_table_name" {
  description = "Name of the table of subscriptions to topics; null without topics."
  value       = module.dynamodb.subscriptions_table_name
}

output "subscriptions_table_arn" {
  description = "ARN of the table of subscriptions to topics; null without topics."
  value       = module.dynamodb.subscriptions_table_arn
}

output "function_arns" {
  description = "ARNs of the functions by key: connect, disconnect, poll, push, with control control, with inbox mark, with topics fanout and subscriptions, with events events, and with jwt verify_jwt."
  value       = module.lambda.function_arns
}

output "log_group_names" {
  description = "Names of the functions' log groups by key: connect, disconnect, poll, push, with control control, with inbox mark, with topics fanout and subscriptions, with events events, and with jwt verify_jwt."
  value       = module.lambda.log_group_names
}

output "events_dead_letter_queue_url" {
  description = "URL of the dead-letter queue of the events function, with what it could not report; null without events."
  value       = module.queues.events_dead_letter_queue_url
}

output "events_dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue of the events function; null without events."
  value       = module.queues.events_dead_letter_queue_arn
}

output "fanout_queue_url" {
  description = "URL of the queue of segments of notifications for topics and broadcasts; null without topics."
  value       = module.queues.fanout_queue_url
}

output "fanout_queue_arn" {
  description = "ARN of the queue of segments of notifications for topics and broadcasts; null without topics."
  value       = module.queues.fanout_queue_arn
}

output "fanout_queue_dead_letter_queue_url" {
  description = "URL of the queue of segments that failed every time; null without topics."
  value       = module.queues.fanout_queue_dead_letter_queue_url
}

output "fanout_queue_dead_letter_queue_arn" {
  description = "ARN of the queue of segments that failed every time; null without topics."
  value       = module.queues.fanout_queue_dead_letter_queue_arn
}

output "alarm_arns" {
  description = "ARNs of the alarms by key; empty without alarms."
  value       = module.monitoring.alarm_arns
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one."
  value       = module.monitoring.dashboard_name
}

output "access_log_group_name" {
  description = "Name of the log group of the access logs; null without access_logs."
  value       = module.websocket_api.access_log_group_name
}

output "custom_domain_target_domain_name" {
  description = "Target of the custom domain's DNS record; null without custom_domain."
  value       = module.websocket_api.custom_domain_target_domain_name
}

output "custom_domain_target_hosted_zone_id" {
  description = "Route 53 zone of the target of the custom domain, for an alias record; null without custom_domain."
  value       = module.websocket_api.custom_domain_target_hosted_zone_id
}
