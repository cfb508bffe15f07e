"""Entry points of the Lambda functions: event in, service call, response out."""
