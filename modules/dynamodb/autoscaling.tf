# Provisioned capacity, always by way of Application Auto Scaling. Whether Terraform leaves an attribute alone
# (ignore_changes) cannot depend on an input, and a second table resource for the other case would mean that changing the
# input replaces the table. So Terraform always leaves the tables' capacity alone, and autoscaling keeps it between the
# minimum and the maximum, which may be the same.
#
# The index's capacity is fixed instead. Terraform can leave all of an index alone or nothing of it, and with all of it
# the billing mode could not be changed: DynamoDB wants the index's capacity in the same request.
locals {
  scaled_tables = merge(
    { clients = var.billing.clients, notifications = var.billing.notifications },
    var.topics ? { subscriptions = var.billing.subscriptions } : {},
  )

  # By table and unit, such as clients-read.
  capacities = local.provisioned ? merge([
    for table, capacity in local.scaled_tables : {
      for unit in ["read", "write"] : "${table}-${unit}" => {
        table     = table
        dimension = "dynamodb:table:${title(unit)}CapacityUnits"
        metric    = "DynamoDB${title(unit)}CapacityUtilization"
        minimum   = capacity["${unit}_capacity"]
        maximum   = coalesce(capacity["${unit}_capacity_max"], capacity["${unit}_capacity"])
      }
    }
  ]...) : {}

  # Autoscaling refuses tables that do not exist yet, or are on demand still.
  scaled = {
    clients       = aws_dynamodb_table.clients.name
    notifications = aws_dynamodb_table.notifications.name
    subscriptions = one(aws_dynamodb_table.subscriptions[*].name)
  }
}

# Without a role_arn: AWS makes the service-linked role for it, which is the only one that it takes.
resource "aws_appautoscaling_target" "this" {
  for_each = local.capacities # table_billing.mode must be known when planning.

  service_namespace  = "dynamodb"
  resource_id        = "table/${local.scaled[each.value.table]}"
  scalable_dimension = each.value.dimension
  min_capacity       = each.value.minimum
  max_capacity       = each.value.maximum

  tags = merge({ Name = "${var.name}-${each.key}" }, var.tags)
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.capacities # table_billing.mode must be known when planning.

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
