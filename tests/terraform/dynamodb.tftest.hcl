# The tables: keys, index, TTL, and what protects their content.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name        = "events"
  table_names = { clients = "events-clients", notifications = "events-notifications" }
  billing = {
    mode               = "PAY_PER_REQUEST"
    clients            = { read_capacity = 5, write_capacity = 5 }
    clients_index      = { read_capacity = 5, write_capacity = 5 }
    notifications      = { read_capacity = 5, write_capacity = 5 }
    target_utilization = 70
  }
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

run "provisioned" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    billing = {
      mode               = "PROVISIONED"
      clients            = { read_capacity = 2, read_capacity_max = 20, write_capacity = 3, write_capacity_max = 30 }
      clients_index      = { read_capacity = 4, write_capacity = 6 }
      notifications      = { read_capacity = 5, write_capacity = 7, write_capacity_max = 8 }
      target_utilization = 50
    }
  }

  assert {
    condition = { for table in [aws_dynamodb_table.clients, aws_dynamodb_table.notifications] : table.name => [table.billing_mode, table.read_capacity, table.write_capacity] } == {
      events-clients       = ["PROVISIONED", 2, 3]
      events-notifications = ["PROVISIONED", 5, 7]
    }
    error_message = "The tables begin with the least capacity."
  }

  assert {
    condition     = [for index in aws_dynamodb_table.clients.global_secondary_index : [index.read_capacity, index.write_capacity]] == [[4, 6]]
    error_message = "The index has its own capacity."
  }

  assert {
    condition = { for key, target in aws_appautoscaling_target.this : key => [target.service_namespace, target.resource_id, target.scalable_dimension, target.min_capacity, target.max_capacity] } == {
      clients-read        = ["dynamodb", "table/events-clients", "dynamodb:table:ReadCapacityUnits", 2, 20]
      clients-write       = ["dynamodb", "table/events-clients", "dynamodb:table:WriteCapacityUnits", 3, 30]
      notifications-read  = ["dynamodb", "table/events-notifications", "dynamodb:table:ReadCapacityUnits", 5, 5]
      notifications-write = ["dynamodb", "table/events-notifications", "dynamodb:table:WriteCapacityUnits", 7, 8]
    }
    error_message = "Autoscaling keeps the tables between minimum and maximum; without a maximum that is the minimum."
  }

  assert {
    condition = { for key, policy in aws_appautoscaling_policy.this : key => [
      policy.policy_type, policy.service_namespace, policy.resource_id, policy.scalable_dimension,
      policy.target_tracking_scaling_policy_configuration[0].target_value,
      policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type,
      ] } == {
      clients-read        = ["TargetTrackingScaling", "dynamodb", "table/events-clients", "dynamodb:table:ReadCapacityUnits", 50, "DynamoDBReadCapacityUtilization"]
      clients-write       = ["TargetTrackingScaling", "dynamodb", "table/events-clients", "dynamodb:table:WriteCapacityUnits", 50, "DynamoDBWriteCapacityUtilization"]
      notifications-read  = ["TargetTrackingScaling", "dynamodb", "table/events-notifications", "dynamodb:table:ReadCapacityUnits", 50, "DynamoDBReadCapacityUtilization"]
      notifications-write = ["TargetTrackingScaling", "dynamodb", "table/events-notifications", "dynamodb:table:WriteCapacityUnits", 50, "DynamoDBWriteCapacityUtilization"]
    }
    error_message = "Each capacity follows its own use."
  }

  assert {
    condition     = alltrue([for target in aws_appautoscaling_target.this : target.tags == var.tags])
    error_message = "What scales the tables is tagged as they are."
  }
}

run "provisioned_by_default_capacities" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    billing = merge(var.billing, { mode = "PROVISIONED" })
  }

  assert {
    condition = (
      alltrue([for target in aws_appautoscaling_target.this : target.min_capacity == 5 && target.max_capacity == 5])
      && alltrue([for policy in aws_appautoscaling_policy.this : policy.target_tracking_scaling_policy_configuration[0].target_value == 70])
      && [for index in aws_dynamodb_table.clients.global_secondary_index : [index.read_capacity, index.write_capacity]] == [[5, 5]]
    )
    error_message = "Every capacity is 5, and the target 70 percent."
  }
}

run "on_demand_nothing_is_scaled" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_appautoscaling_policy.this) == 0
    error_message = "On demand there is no capacity to scale."
  }
}

run "another_key_and_no_recovery" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    kms_key_arn            = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"
    point_in_time_recovery = false
  }

  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.clients, aws_dynamodb_table.notifications] :
      table.server_side_encryption[0].enabled
      && table.server_side_encryption[0].kms_key_arn == "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"
      && !table.point_in_time_recovery[0].enabled
    ])
    error_message = "The caller's key encrypts both tables, and recovery can be turned off."
  }
}

