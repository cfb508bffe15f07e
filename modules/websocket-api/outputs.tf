output "websocket_url" {
  description = "URL that clients connect to: at the custom domain, if there is one."
  value = try(
    join("/", [for part in ["wss:/", aws_apigatewayv2_api_mapping.this["this"].domain_name, var.custom_domain.mapping_key] : part if part != null]),
    "${var.api.endpoint}/${aws_apigatewayv2_stage.this.name}",
  )
}

output "access_log_group_name" {
  description = "Name of the log group of the access logs; null without them."
  value       = try(aws_cloudwatch_log_group.access["access"].name, null)
}

output "custom_domain_target_domain_name" {
  description = "Target of the custom domain's DNS record; null without a custom domain."
  value       = try(aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].target_domain_name, null)
}

output "custom_domain_target_hosted_zone_id" {
  description = "Route 53 zone of that target, for an alias record; null without a custom domain."
  value       = try(aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].hosted_zone_id, null)
}

output "deployment_trigger" {
  description = "Hash of the deployed configuration: when it changes, the API is deployed again."
  value       = aws_apigatewayv2_deployment.this.triggers["redeployment"]
}
