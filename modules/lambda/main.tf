locals {
  # X-Ray has no resources to name: these two actions are granted on * or not at all.
  tracing_statements = var.tracing ? [
    {
      Effect   = "Allow"
      Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      Resource = ["*"]
    },
  ] : []
}

# IAM is one for all Regions while the other names here are one for each, so the role's name gets a suffix of its own:
# the same module in two Regions of an account must not collide. 38 characters is the longest prefix that IAM's 64 leave.
resource "aws_iam_role" "this" {
  for_each = var.function_names

  name_prefix = substr("${var.function_names[each.key]}-", 0, 38)
  path        = var.iam_roles.path
  description = "${var.function_names[each.key]}: ${lower(substr(local.functions[each.key].description, 0, 1))}${substr(local.functions[each.key].description, 1, -1)}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "lambda.amazonaws.com" }
      },
    ]
  })

  permissions_boundary = var.iam_roles.permissions_boundary_arn

  tags = merge({ Name = var.function_names[each.key] }, var.tags)

  depends_on = [terraform_data.python]
}

resource "aws_iam_role_policy" "this" {
  for_each = var.function_names

  name = "function"
  role = aws_iam_role.this[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.functions[each.key].statements,
      [
        {
          # The group exists already, so the function needs no CreateLogGroup. The * stands for its log streams.
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.this[each.key].arn}:*"]
        },
      ],
      local.tracing_statements,
      local.table_key_statements[each.key],
      local.network_statements[each.key],
    )
  })
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is an input, and the default of 30 days is enough to find what went wrong.
  for_each = var.function_names

  name              = var.log_group_names[each.key]
  retention_in_days = var.log_retention_days
  kms_key_id        = var.logs_key_arn

  tags = merge({ Name = var.function_names[each.key] }, var.tags)
}

resource "aws_lambda_function" "this" { # runtime must be known when planning.
  #checkov:skip=CKV_AWS_116:What fails asynchronously goes to the dead-letter queue by push_events.tf; the other functions have callers that wait.
  #checkov:skip=CKV_AWS_173:The variables hold names and URLs and no secret; Lambda encrypts them with a key of the account's.
  #checkov:skip=CKV_AWS_272:A plan shows the hash of the sources, and apply refuses others; signing needs a profile that only some accounts have.
  for_each = var.function_names

  function_name = var.function_names[each.key]
  description   = local.functions[each.key].description
  role          = aws_iam_role.this[each.key].arn

  filename          = local.packages[each.key].filename
  s3_bucket         = local.packages[each.key].s3_bucket
  s3_key            = local.packages[each.key].s3_key
  s3_object_version = local.packages[each.key].s3_object_version
  source_code_hash  = local.packages[each.key].source_hash
  handler           = local.package_contents[each.key].handler
  runtime           = local.settings[each.key].runtime
  architectures     = [local.settings[each.key].architecture]

  memory_size = local.settings[each.key].memory_size
  timeout     = local.settings[each.key].timeout
  # -1 reserves nothing: the function shares the account's concurrency.
  reserved_concurrent_executions = coalesce(local.settings[each.key].reserved_concurrency, -1)

  # A version for the alias to point at, where there is one.
  publish = contains(keys(local.provisioned_concurrency), each.key)

  environment {
    variables = local.environment[each.key]
  }

  dynamic "vpc_config" {
    for_each = nonsensitive(var.vpc == null) ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this[each.key].name
    # Metrics are carried by lines of level INFO, which the functions themselves cut down to that below LOG_LEVEL.
    application_log_level = var.metrics_namespace == "" ? var.log_level : "INFO"
    # Lambda has no ERROR for its own lines.
    system_log_level = var.log_level == "INFO" ? "INFO" : "WARN"
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  tags = merge({ Name = var.function_names[each.key] }, var.tags)

  # The zip must exist, and a function must not start before it may do its work.
  depends_on = [
    aws_iam_role_policy.this,
    terraform_data.package,
  ]

  lifecycle {
    precondition {
      condition     = lookup(local.release_faults, each.key, "") == ""
      error_message = "packages_folder: ${lookup(local.release_faults, each.key, "")}."
    }

    precondition {
      condition     = lookup(local.is_readable, each.key, true)
      error_message = "packages.${each.key}.filename is the path of no file. Write a path from the folder that Terraform runs in, such as \"./${each.key}.zip\", and build the zip before the plan; or, if it is there at apply only, give its source_code_hash."
    }

    # Lambda measures the variables as JSON.
    precondition {
      condition     = length(base64encode(jsonencode(local.measured_environment[each.key]))) / 4 * 3 <= 4096
      error_message = "The environment of ${each.key} is larger than 4 KB, which is all that Lambda takes: shorten functions.${each.key}.environment${each.key == "connect" ? " or allowed_origins" : each.key == "verify_jwt" ? " or jwt" : ""}."
    }

    precondition {
      condition     = length(local.taken_variables[each.key]) == 0
      error_message = "functions.${each.key}.environment sets what the module sets itself: ${join(", ", local.taken_variables[each.key])}. Leave that out, and use the module's inputs."
    }
  }
}
