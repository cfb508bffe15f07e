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
  description = "URL that clients connect to."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/${aws_apigatewayv2_stage.this.name}"
}

output "connections_url" {
  description = "Base URL of the management API (@connections), made of the API and the stage's name, so that the functions behind the routes can use it."
  # ws:// to http:// and wss:// to https://: the endpoint's scheme is the only difference between the two URLs.
  value = "${replace(aws_apigatewayv2_api.this.api_endpoint, "/^ws/", "http")}/${var.stage_name}"
}

output "deployment_trigger" {
  description = "Hash of what the deployment holds: when it changes, the API is deployed again."
  value       = aws_apigatewayv2_deployment.this.triggers["redeployment"]
}
