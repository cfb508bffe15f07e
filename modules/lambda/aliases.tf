# Provisioned concurrency belongs to a version or an alias, never to the function itself. A function that has it gets the
# alias live, which always points to the newest version, and is invoked through it. Only such functions publish versions.
locals {
  # length([abs(x)]) fails where nothing is set, and is 1 also for a number that is not known yet.
  provisioned_concurrency = {
    for key in local.function_keys : key => var.functions[key].provisioned_concurrency
    if nonsensitive(can(length([abs(var.functions[key].provisioned_concurrency)])))
  }

  push_invocation_arn    = try(aws_lambda_alias.this["push"].arn, aws_lambda_function.this["push"].arn)
  control_invocation_arn = try(aws_lambda_alias.this["control"].arn, aws_lambda_function.this["control"].arn, null)
}

resource "aws_lambda_alias" "this" {
  for_each = local.provisioned_concurrency

  name             = var.alias_name
  description      = "The newest version, by which the function is invoked"
  function_name    = aws_lambda_function.this[each.key].function_name
  function_version = aws_lambda_function.this[each.key].version
}

resource "aws_lambda_provisioned_concurrency_config" "this" {
  for_each = local.provisioned_concurrency

  function_name                     = aws_lambda_alias.this[each.key].function_name
  qualifier                         = aws_lambda_alias.this[each.key].name
  provisioned_concurrent_executions = each.value
}
