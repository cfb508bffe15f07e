"""Push notifications over WebSocket: the sources of the Lambda functions."""
