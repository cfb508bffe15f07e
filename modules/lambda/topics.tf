# What several functions need where there are topics.
locals {
  # Whatever removes a connection removes its subscriptions.
  subscriptions_environment = var.topics == null ? {} : { SUBSCRIPTIONS_TABLE = var.tables.subscriptions_table_name }
  write_subscriptions = var.topics == null ? [] : [
    {
      Effect   = "Allow"
      Action   = ["dynamodb:BatchWriteItem"]
      Resource = [var.tables.subscriptions_table_arn]
    },
  ]
}
