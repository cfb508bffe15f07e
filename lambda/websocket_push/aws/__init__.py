"""Signed requests to AWS: DynamoDB and the API Gateway management API."""
