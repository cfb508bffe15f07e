# The API by itself: the functions need its address, and its routes need the functions. So the routes are a module of their
# own (websocket-api), and nothing refers back.
resource "aws_apigatewayv2_api" "this" {
  name                       = var.name
  description                = "WebSocket push notifications"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"

  tags = merge({ Name = var.name }, var.tags)
}
