# Reads a plan that `terraform show -json` wrote, and says which resources break a rule. It plans nothing of its own and
# needs no provider; tests/policy.tftest.hcl fails where a list below is not empty.

variable "plan" {
  description = "The plan as JSON, relative to this folder."
  type        = string
  default     = "plan.json"
  nullable    = false
}

variable "expected_types" {
  description = "Types of resources that a plan may hold."
  type        = set(string)
  nullable    = false
  default = [
    "aws_apigatewayv2_api", "aws_apigatewayv2_authorizer", "aws_apigatewayv2_deployment", "aws_apigatewayv2_integration",
    "aws_apigatewayv2_integration_response", "aws_apigatewayv2_route", "aws_apigatewayv2_route_response",
    "aws_apigatewayv2_stage", "aws_cloudwatch_log_group", "aws_dynamodb_table", "aws_iam_role", "aws_iam_role_policy",
    "aws_lambda_event_source_mapping", "aws_lambda_function", "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission", "aws_sqs_queue", "aws_sqs_queue_policy", "aws_sqs_queue_redrive_allow_policy",
    "aws_sqs_queue_redrive_policy",
    "terraform_data",
  ]
}

terraform {
  required_version = ">= 1.9"
}

locals {
  plan    = jsondecode(file("${path.module}/${var.plan}"))
  changes = [for each in local.plan.resource_changes : each if each.mode == "managed"]
  left    = [for each in local.changes : each if each.change.after != null]

  # Whose loss is a loss of data, of every connection, or of the URL.
  kept = ["aws_apigatewayv2_api", "aws_apigatewayv2_stage", "aws_dynamodb_table", "aws_sqs_queue"]

  # What has no resources to name, or none yet: traces, and the network interfaces by which functions reach a VPC.
  unnamed = ["ec2", "xray"]

  # A policy that depends on a resource yet to come is not known in the first plan, and is looked at in the next.
  statements = flatten([
    for each in local.left : [
      for statement in jsondecode(each.change.after.policy).Statement : merge(statement, { address = each.address })
      if statement.Effect == "Allow"
    ] if each.type == "aws_iam_role_policy" && try(each.change.after.policy, null) != null
  ])
}

output "destroyed" {
  description = "Resources to be destroyed or replaced that must stay."
  value       = [for each in local.changes : each.address if contains(each.change.actions, "delete") && contains(local.kept, each.type)]
}

output "unexpected" {
  description = "Resources of a type that nobody expects here."
  value       = [for each in local.left : each.address if !contains(var.expected_types, each.type)]
}

output "unprotected_tables" {
  description = "Tables without deletion protection, recovery to a point in time, or encryption by a key that CloudTrail watches."
  value = [
    for each in local.left : each.address if each.type == "aws_dynamodb_table" && !try(
      each.change.after.deletion_protection_enabled
      && each.change.after.point_in_time_recovery[0].enabled
      && each.change.after.server_side_encryption[0].enabled,
      false,
    )
  ]
}

output "wildcards" {
  description = "Policies with an action of many, or with all resources where they can be named."
  value = distinct([
    for each in local.statements : each.address if anytrue([
      for action in flatten([each.Action]) : strcontains(action, "*")
      ]) || (contains(flatten([each.Resource]), "*") && !alltrue([
        for action in flatten([each.Action]) : contains(local.unnamed, split(":", action)[0])
    ]))
  ])
}

output "open_permissions" {
  description = "Permissions to invoke a function that do not say for which API."
  value = [
    for each in local.left : each.address if each.type == "aws_lambda_permission"
    && try(each.change.after.source_arn, null) == null && !try(each.change.after_unknown.source_arn, false)
  ]
}

output "endless_logs" {
  description = "Log groups that keep their logs for ever."
  value       = [for each in local.left : each.address if each.type == "aws_cloudwatch_log_group" && try(each.change.after.retention_in_days, 0) == 0]
}

output "open_to_anyone" {
  description = "Routes by which clients connect without being authorized."
  value = [
    for each in local.left : each.address if each.type == "aws_apigatewayv2_route"
    && try(each.change.after.route_key, "") == "$connect" && try(each.change.after.authorization_type, "") != "CUSTOM"
  ]
}
