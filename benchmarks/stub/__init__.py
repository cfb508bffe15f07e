"""A local server that answers as DynamoDB and the API Gateway management API do, as cheaply as possible."""
