# The API without its routes: the functions need its address, and its routes need the functions. So the routes are a
# separate module (websocket-api), and dependencies run in one direction.
resource "aws_apigatewayv2_api" "this" {
  name                       = var.name
  description                = "WebSocket push notifications"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"

  tags = merge({ Name = var.name }, var.tags)
}
