"""Signed requests to AWS: DynamoDB, the API Gateway management API, SQS and EventBridge."""
