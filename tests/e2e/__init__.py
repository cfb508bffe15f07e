"""End to end: the module applied to the local AWS, driven by real WebSocket clients and by boto3."""
