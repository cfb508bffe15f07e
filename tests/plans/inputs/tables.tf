module "billing_mode_refused" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "provisioned" } # refused: table_billing.mode must be "PAY_PER_REQUEST"
}

module "capacity_of_clients_on_demand" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { clients = {} } # refused: table_billing has a capacity
}

module "capacity_of_clients_index_on_demand" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { clients_index = {} } # refused: table_billing has a capacity
}

module "capacity_of_notifications_on_demand" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { notifications = {} } # refused: table_billing has a capacity
}

module "utilization_on_demand" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { target_utilization = 70 } # refused: table_billing has a capacity
}

module "capacity_of_nothing" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", clients = { read_capacity = 0 } } # refused: A capacity in table_billing
}

module "capacity_of_an_index_of_nothing" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", clients_index = { write_capacity = 0 } } # refused: A capacity in table_billing
}

module "capacity_in_parts" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", notifications = { write_capacity = 1.5 } } # refused: A capacity in table_billing
}

module "largest_capacity_in_parts" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", notifications = { write_capacity_max = 5.5 } } # refused: A capacity in table_billing
}

module "largest_capacity_below_the_smallest" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", clients = { read_capacity = 6, read_capacity_max = 5 } } # refused: read_capacity_max and write_capacity_max in
}

module "largest_capacity_below_the_default" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", clients = { write_capacity_max = 4 } } # refused: read_capacity_max and write_capacity_max in
}

module "largest_capacity_below_the_smallest_of_notifications" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", notifications = { write_capacity_max = 4 } } # refused: read_capacity_max and write_capacity_max in
}

module "utilization_too_small" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", target_utilization = 19 } # refused: table_billing.target_utilization must be a
}

module "utilization_too_large" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", target_utilization = 91 } # refused: table_billing.target_utilization must be a
}

module "alias_of_a_tables_key" {
  source = "../../../"

  allow_anonymous = true
  kms             = { tables_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/mine" } # refused: A key in kms must
}

module "id_of_a_logs_key" {
  source = "../../../"

  allow_anonymous = true
  kms             = { logs_key_arn = "1234abcd-12ab-34cd-56ef-1234567890ab" } # refused: A key in kms must
}

module "alias_of_a_queues_key" {
  source = "../../../"

  allow_anonymous = true
  kms             = { queues_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/mine" } # refused: A key in kms must
}

module "any_key" {
  source = "../../../"

  allow_anonymous = true
  kms             = { logs_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/*" } # refused: A key in kms must
}

module "a_key_of_another_region" {
  source = "../../../"

  allow_anonymous = true
  kms             = { queues_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234" } # refused: A key in kms is
}

module "a_capacity_for_a_table_that_is_not_there" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", subscriptions = {} } # refused: table_billing.subscriptions is the capacity
}

module "smallest_utilization_that_is_accepted" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PROVISIONED", target_utilization = 20 }
}

module "on_demand_by_name" {
  source = "../../../"

  allow_anonymous = true
  table_billing   = { mode = "PAY_PER_REQUEST" }
}

module "keys_of_this_region" {
  source = "../../../"

  allow_anonymous = true
  kms = {
    tables_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    queues_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

module "a_key_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  kms             = { logs_key_arn = "arn:aws-cn:kms:eu-central-1:123456789012:key/1234" } # refused: A key in kms is
}

module "a_key_of_another_account" {
  source = "../../../"

  allow_anonymous = true
  kms             = { logs_key_arn = "arn:aws:kms:eu-central-1:210987654321:key/1234" }
}
