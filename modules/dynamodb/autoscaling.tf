# Provisioned capacity, always by way of Application Auto Scaling. Whether Terraform leaves an attribute alone
# (ignore_changes) cannot depend on an input, and a second table resource for the other case would mean that changing the
# input replaces the table. So Terraform always leaves the tables' capacity alone, and autoscaling keeps it between the
# minimum and the maximum, which may be the same.
#
# The index's capacity is fixed instead. Terraform can leave all of an index alone or nothing of it, and with all of it
# the billing mode could not be changed: DynamoDB wants the index's capacity in the same request.
locals {
  capacities = local.provisioned ? {
    clients-read = {
      table     = local.clients_table_name
      dimension = "dynamodb:table:ReadCapacityUnits"
      metric    = "DynamoDBReadCapacityUtilization"
      minimum   = var.billing.clients.read_capacity
      maximum   = coalesce(var.billing.clients.read_capacity_max, var.billing.clients.read_capacity)
    }
    clients-write = {
      table     = local.clients_table_name
      dimension = "dynamodb:table:WriteCapacityUnits"
      metric    = "DynamoDBWriteCapacityUtilization"
      minimum   = var.billing.clients.write_capacity
      maximum   = coalesce(var.billing.clients.write_capacity_max, var.billing.clients.write_capacity)
    }
    notifications-read = {
      table     = local.notifications_table_name
      dimension = "dynamodb:table:ReadCapacityUnits"
      metric    = "DynamoDBReadCapacityUtilization"
      minimum   = var.billing.notifications.read_capacity
      maximum   = coalesce(var.billing.notifications.read_capacity_max, var.billing.notifications.read_capacity)
    }
    notifications-write = {
      table     = local.notifications_table_name
      dimension = "dynamodb:table:WriteCapacityUnits"
      metric    = "DynamoDBWriteCapacityUtilization"
      minimum   = var.billing.notifications.write_capacity
      maximum   = coalesce(var.billing.notifications.write_capacity_max, var.billing.notifications.write_capacity)
    }
  } : {}

  # Autoscaling refuses tables that do not exist yet, or are on demand still.
  table_names = {
    (local.clients_table_name)       = aws_dynamodb_table.clients.name
    (local.notifications_table_name) = aws_dynamodb_table.notifications.name
  }
}

# Without a role_arn: AWS makes the service-linked role for it, which is the only one that it takes.
resource "aws_appautoscaling_target" "this" {
  for_each = local.capacities

  service_namespace  = "dynamodb"
  resource_id        = "table/${local.table_names[each.value.table]}"
  scalable_dimension = each.value.dimension
  min_capacity       = each.value.minimum
  max_capacity       = each.value.maximum

  tags = merge({ Name = "${var.name}-${each.key}" }, var.tags)
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.capacities

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = var.billing.target_utilization

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}
