# The tables: keys, index, TTL, and what protects their content.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name = "events"
  tags = { team = "a", Name = "mine" }
}

run "tables" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }

  override_resource {
    target          = aws_dynamodb_table.clients
    override_during = plan
    values          = { arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-clients" }
  }

  override_resource {
    target          = aws_dynamodb_table.notifications
    override_during = plan
    values          = { arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-notifications" }
  }

  # Clients: one row per connection, found by user.
  assert {
    condition = (
      aws_dynamodb_table.clients.name == "events-clients"
      && aws_dynamodb_table.clients.hash_key == "connectionId"
      && aws_dynamodb_table.clients.range_key == null
      && { for attribute in aws_dynamodb_table.clients.attribute : attribute.name => attribute.type } == { connectionId = "S", userId = "S" }
    )
    error_message = "The clients table's key is connectionId."
  }

  assert {
    condition = length(aws_dynamodb_table.clients.global_secondary_index) == 1 && alltrue([
      for index in aws_dynamodb_table.clients.global_secondary_index :
      index.name == "userId-index" && index.hash_key == "userId" && index.range_key == null
      && index.projection_type == "INCLUDE" && index.non_key_attributes == toset(["connectedAt", "expiresAt"])
    ])
    error_message = "The index finds connections by user, and holds no more than a push needs."
  }

  # Notifications: one row per user and notification, in time order.
  assert {
    condition = (
      aws_dynamodb_table.notifications.name == "events-notifications"
      && aws_dynamodb_table.notifications.hash_key == "userId"
      && aws_dynamodb_table.notifications.range_key == "notificationId"
      && { for attribute in aws_dynamodb_table.notifications.attribute : attribute.name => attribute.type } == { userId = "S", notificationId = "S" }
      && length(aws_dynamodb_table.notifications.global_secondary_index) == 0
    )
    error_message = "The notifications table's key is userId and notificationId."
  }

  # Both.
  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.clients, aws_dynamodb_table.notifications] :
      table.billing_mode == "PAY_PER_REQUEST"
      && table.ttl[0].enabled && table.ttl[0].attribute_name == "expiresAt"
      && table.point_in_time_recovery[0].enabled
      && table.server_side_encryption[0].enabled
    ])
    error_message = "Both tables are on demand, expire their rows by expiresAt, can be restored, and are encrypted with the account's key."
  }

  assert {
    condition     = aws_dynamodb_table.clients.deletion_protection_enabled && aws_dynamodb_table.notifications.deletion_protection_enabled
    error_message = "The tables are protected from deletion unless the caller says otherwise."
  }

  assert {
    condition     = aws_dynamodb_table.clients.tags == var.tags && aws_dynamodb_table.notifications.tags == var.tags
    error_message = "The caller's tags win over the default Name."
  }

  assert {
    condition = (
      output.clients_table_name == "events-clients"
      && output.clients_table_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-clients"
      && output.clients_index_name == "userId-index"
      && output.clients_index_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-clients/index/userId-index"
      && output.notifications_table_name == "events-notifications"
      && output.notifications_table_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-notifications"
    )
    error_message = "The outputs name the tables and the index."
  }
}

run "without_deletion_protection_and_tags" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    deletion_protection = false
    tags                = {}
  }

  assert {
    condition     = !aws_dynamodb_table.clients.deletion_protection_enabled && !aws_dynamodb_table.notifications.deletion_protection_enabled
    error_message = "The caller can give the protection up."
  }

  assert {
    condition     = aws_dynamodb_table.clients.tags == tomap({ Name = "events-clients" }) && aws_dynamodb_table.notifications.tags == tomap({ Name = "events-notifications" })
    error_message = "Without tags of the caller's, a table is tagged with its name."
  }
}

run "name_refused" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    name = "Events"
  }
  expect_failures = [var.name]
}
