locals {
  clients_table_name       = "${var.name}-clients"
  clients_index_name       = "userId-index"
  notifications_table_name = "${var.name}-notifications"
}

# One row per open connection. Rows that a lost $disconnect leaves behind expire.
resource "aws_dynamodb_table" "clients" {
  name                        = local.clients_table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "connectionId"
  deletion_protection_enabled = var.deletion_protection

  # Only key attributes are declared; DynamoDB refuses a table whose definitions name any other.
  attribute {
    name = "connectionId"
    type = "S"
  }

  attribute {
    name = "userId"
    type = "S"
  }

  # What a push needs to know of a connection, and no more: every projected attribute is written and stored twice.
  global_secondary_index {
    name               = local.clients_index_name
    hash_key           = "userId"
    projection_type    = "INCLUDE"
    non_key_attributes = ["connectedAt", "expiresAt"]
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # DynamoDB encrypts every table. true chooses the account's key aws/dynamodb, whose use shows in CloudTrail, over
  # the key that AWS owns. Its key policy admits whoever may use the table, so no role needs a KMS permission.
  server_side_encryption {
    enabled = true
  }

  tags = merge({ Name = local.clients_table_name }, var.tags)
}

# One row per user and notification, in time order: notificationId is a UUIDv7.
resource "aws_dynamodb_table" "notifications" {
  name                        = local.notifications_table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "userId"
  range_key                   = "notificationId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "userId"
    type = "S"
  }

  attribute {
    name = "notificationId"
    type = "S"
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # As above: the account's key aws/dynamodb instead of the key that AWS owns.
  server_side_encryption {
    enabled = true
  }

  tags = merge({ Name = local.notifications_table_name }, var.tags)
}
