locals {
  clients_index_name = "userId-index"

  renamed = "Another name than \"${coalesce(terraform_data.name.output, var.name)}\" would replace the tables, and what they hold would be gone. Keep the name, or call the module once more under the other name. To give the tables up, set deletion_protection = false, apply, and apply the new name with -replace='module.push.module.dynamodb.terraform_data.name', for a module called push."

  moved = "The tables are in the Region ${try(coalesce(terraform_data.region.output), "of their ARNs")}, and the provider's is ${try(coalesce(var.region), "another")}: new, empty tables would be created there, and these would be dropped from the state. Set the provider's Region back, or call the module once more with a provider for the other Region (examples/multi-region). To leave the tables behind, apply with -replace='module.push.module.dynamodb.terraform_data.region', for a module called push."

  provisioned = nonsensitive(var.billing.mode == "PROVISIONED")
}

# Stores the name that the tables were created with. It is part of their names, and DynamoDB cannot rename a table:
# another name would replace both and delete their content.
resource "terraform_data" "name" {
  input = var.name

  lifecycle {
    ignore_changes = [input]
  }
}

# Stores the Region that the tables were created in. In another one the provider finds nothing, takes everything for deleted and
# creates it again, and the state no longer has the existing tables.
resource "terraform_data" "region" {
  input = var.region

  lifecycle {
    ignore_changes = [input]
  }
}

# One row per open connection. Rows of connections whose $disconnect was lost expire.
resource "aws_dynamodb_table" "clients" { # read_capacity and write_capacity must be known when planning.
  #checkov:skip=CKV2_AWS_16:On demand there is nothing to scale; provisioned tables are scaled by autoscaling.tf, by a count that the check does not follow.
  name                        = var.table_names.clients
  billing_mode                = var.billing.mode
  read_capacity               = try(local.capacities["clients-read"].minimum, null)
  write_capacity              = try(local.capacities["clients-write"].minimum, null)
  hash_key                    = "connectionId"
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = var.stream
  stream_view_type            = var.stream ? "NEW_AND_OLD_IMAGES" : null

  # Only key attributes are declared; DynamoDB refuses a table whose definitions name any other.
  attribute {
    name = "connectionId"
    type = "S"
  }

  attribute {
    name = "userId"
    type = "S"
  }

  # Only what a push needs to know about a connection: every projected attribute is written and stored twice. Later 6.x
  # releases of the provider warn about hash_key here and recommend key_schema, which 5.100 does not have.
  global_secondary_index {
    name               = local.clients_index_name
    hash_key           = "userId"
    projection_type    = "INCLUDE"
    non_key_attributes = ["connectedAt", "expiresAt"]
    read_capacity      = local.provisioned ? var.billing.clients_index.read_capacity : null
    write_capacity     = local.provisioned ? var.billing.clients_index.write_capacity : null
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # DynamoDB encrypts every table. true selects the AWS managed key aws/dynamodb, whose use CloudTrail records, instead
  # of the AWS owned key. Its key policy allows every principal that may use the table, so no role needs a KMS
  # permission. The caller's own key replaces it, and the roles then need permission to use that key.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  tags = merge({ Name = var.table_names.clients }, var.tags)

  # Autoscaling changes the capacity; see autoscaling.tf. The tag says which packages the functions have; see packages.tf in
  # modules/lambda.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity, tags["websocket-push:deployed"]]

    precondition {
      condition     = terraform_data.name.output == var.name
      error_message = local.renamed
    }

    precondition {
      condition     = terraform_data.region.output == var.region
      error_message = local.moved
    }
  }
}

# One row per user and notification, in time order: notificationId is a UUIDv7.
resource "aws_dynamodb_table" "notifications" { # read_capacity and write_capacity must be known when planning.
  #checkov:skip=CKV2_AWS_16:On demand there is nothing to scale; provisioned tables are scaled by autoscaling.tf, by a count that the check does not follow.
  name                        = var.table_names.notifications
  billing_mode                = var.billing.mode
  read_capacity               = try(local.capacities["notifications-read"].minimum, null)
  write_capacity              = try(local.capacities["notifications-write"].minimum, null)
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
    enabled = var.point_in_time_recovery
  }

  # As above: the account's key aws/dynamodb, or the caller's, instead of the key that AWS owns.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  tags = merge({ Name = var.table_names.notifications }, var.tags)

  # Autoscaling changes these; see autoscaling.tf.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]

    precondition {
      condition     = terraform_data.name.output == var.name
      error_message = local.renamed
    }

    precondition {
      condition     = terraform_data.region.output == var.region
      error_message = local.moved
    }
  }
}

# One row per topic and connection that listens to it. Rows that a lost $disconnect leaves behind expire.
resource "aws_dynamodb_table" "subscriptions" {
  count = var.topics ? 1 : 0

  #checkov:skip=CKV2_AWS_16:On demand there is nothing to scale; provisioned tables are scaled by autoscaling.tf, by a count that the check does not follow.
  name                        = var.table_names.subscriptions
  billing_mode                = var.billing.mode
  read_capacity               = try(local.capacities["subscriptions-read"].minimum, null)
  write_capacity              = try(local.capacities["subscriptions-write"].minimum, null)
  hash_key                    = "topic"
  range_key                   = "connectionId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "topic"
    type = "S"
  }

  attribute {
    name = "connectionId"
    type = "S"
  }

  ttl {
    attribute_name = "expiresAt"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # As above: the account's key aws/dynamodb, or the caller's, instead of the key that AWS owns.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  tags = merge({ Name = var.table_names.subscriptions }, var.tags)

  # Autoscaling changes these; see autoscaling.tf.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]

    precondition {
      condition     = terraform_data.name.output == var.name
      error_message = local.renamed
    }

    precondition {
      condition     = terraform_data.region.output == var.region
      error_message = local.moved
    }
  }
}
