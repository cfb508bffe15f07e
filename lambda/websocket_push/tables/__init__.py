"""The DynamoDB tables, item by item."""
