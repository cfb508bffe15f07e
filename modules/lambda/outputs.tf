output "function_arns" {
  description = "Function ARNs by key."
  value       = { for key, function in aws_lambda_function.this : key => function.arn }
}

output "push_timeout" {
  description = "Timeout of the push function in seconds, known before the function exists."
  value       = local.settings["push"].timeout
}

output "aliases" {
  description = "Name of the alias by function, for the functions that have one."
  value       = { for key, alias in aws_lambda_alias.this : key => alias.name }
}

output "push_invocation_arn" {
  description = "ARN by which the push function is invoked: that of its alias, if it has one."
  value       = local.push_invocation_arn
}

output "control_timeout" {
  description = "Timeout of the control function in seconds, known before the function exists; null without it."
  value       = try(local.settings["control"].timeout, null)
}

output "control_invocation_arn" {
  description = "ARN by which the control function is invoked: that of its alias, if it has one; null without it."
  value       = local.control_invocation_arn
}

output "control_invoke_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role invoke the control function and nothing else; null without it."
  value = !local.revocable ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [local.control_invocation_arn]
      },
    ]
  })
}

output "fanout_timeout" {
  description = "Timeout of the fanout function in seconds; null without topics."
  value       = try(local.settings["fanout"].timeout, null)
}

output "fanout_invocation_arn" {
  description = "ARN by which the fanout function is invoked: that of its alias, if it has one; null without topics."
  value       = try(aws_lambda_alias.this["fanout"].arn, aws_lambda_function.this["fanout"].arn, null)
}

output "events_timeout" {
  description = "Timeout of the events function in seconds; null without events."
  value       = try(local.settings["events"].timeout, null)
}

output "events_invocation_arn" {
  description = "ARN by which the events function is invoked: that of its alias, if it has one; null without events."
  value       = try(aws_lambda_alias.this["events"].arn, aws_lambda_function.this["events"].arn, null)
}

output "source_code_hashes" {
  description = "By function, a hash that changes with its package, known before the functions exist."
  value       = { for key in local.function_keys : key => local.packages[key].source_hash }
}

output "role_arns" {
  description = "ARNs of the functions' roles by key."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}

output "log_group_names" {
  description = "Log group names by key."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
}

output "push_invoke_policy_json" {
  description = "IAM policy, as JSON, that lets a backend's role invoke the push function and nothing else."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [local.push_invocation_arn]
      },
    ]
  })
}

output "push_function_name" {
  description = "Name of the push function."
  value       = aws_lambda_function.this["push"].function_name
}
