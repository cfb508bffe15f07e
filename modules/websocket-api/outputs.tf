output "api_id" {
  description = "ID of the WebSocket API."
  value       = aws_apigatewayv2_api.this.id
}

output "execution_arn" {
  description = "ARN prefix of the API for execute-api permissions: append /<stage>/<method>/@connections/* for the management API."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "stage_name" {
  description = "Name of the stage, known without waiting for the stage."
  value       = var.stage_name
}

output "websocket_url" {
  description = "URL that clients connect to: at the custom domain, if there is one."
  value = try(
    join("/", concat(["wss:/", aws_apigatewayv2_api_mapping.this["this"].domain_name], var.custom_domain.mapping_key[*])),
    "${aws_apigatewayv2_api.this.api_endpoint}/${aws_apigatewayv2_stage.this.name}",
  )
}

output "connections_url" {
  description = "Base URL of the management API (@connections), made of the API and the stage's name, so that the functions behind the routes can use it."
  # ws:// to http:// and wss:// to https://: the endpoint's scheme is the only difference between the two URLs.
  value = "${replace(aws_apigatewayv2_api.this.api_endpoint, "/^ws/", "http")}/${var.stage_name}"
}

output "access_log_group_name" {
  description = "Name of the log group of the access logs; null without them."
  value       = try(aws_cloudwatch_log_group.access["access"].name, null)
}

output "custom_domain_target_domain_name" {
  description = "What the custom domain's DNS record must lead to; null without a custom domain."
  value       = try(aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].target_domain_name, null)
}

output "custom_domain_target_hosted_zone_id" {
  description = "Route 53 zone of that target, for an alias record; null without a custom domain."
  value       = try(aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].hosted_zone_id, null)
}

output "deployment_trigger" {
  description = "Hash of what the deployment holds: when it changes, the API is deployed again."
  value       = aws_apigatewayv2_deployment.this.triggers["redeployment"]
}
