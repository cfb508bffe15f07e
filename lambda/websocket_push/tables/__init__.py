"""The two DynamoDB tables, item by item."""
