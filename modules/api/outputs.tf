output "id" {
  description = "ID of the WebSocket API."
  value       = aws_apigatewayv2_api.this.id
}

output "endpoint" {
  description = "Address of the API for clients, without a stage (wss://...)."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "execution_arn" {
  description = "ARN prefix of the API in execute-api permissions."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "route_selection_expression" {
  description = "Expression that selects a message's route."
  value       = aws_apigatewayv2_api.this.route_selection_expression
}
