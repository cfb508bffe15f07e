# What the policy test must find (bad_), and what it must let pass (good_). Nothing of this is ever applied.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

locals {
  statements = {
    bad_action          = { Effect = "Allow", Action = ["dynamodb:*"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    bad_action_in_part  = { Effect = "Allow", Action = "dynamodb:Get*", Resource = "arn:aws:dynamodb:eu-central-1:123456789012:table/a" }
    bad_resource        = { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["*"] }
    bad_resource_alone  = { Effect = "Allow", Action = "dynamodb:GetItem", Resource = "*" }
    bad_resource_part   = { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/*"] }
    bad_mixed_resources = { Effect = "Allow", Action = ["xray:PutTraceSegments", "dynamodb:GetItem"], Resource = ["*"] }
    bad_all_logs        = { Effect = "Allow", Action = ["logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:*:*"] }
    bad_all_connections = { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:aws:execute-api:eu-central-1:123456789012:*/@connections/*"] }
    bad_any_action      = { Effect = "Allow", Action = "*", Resource = "arn:aws:dynamodb:eu-central-1:123456789012:table/a" }
    bad_any_service     = { Effect = "Allow", Action = ["*:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    bad_part_of_service = { Effect = "Allow", Action = ["dynamo*:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    bad_one_letter      = { Effect = "Allow", Action = ["dynamodb:?etItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    bad_buckets         = { Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::*"] }
    bad_objects         = { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::a?/b" }
    bad_one_of_many     = { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a", "*"] }
    bad_not_action      = { Effect = "Allow", NotAction = ["iam:PassRole"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    bad_not_resource    = { Effect = "Allow", Action = ["dynamodb:GetItem"], NotResource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a"] }
    good_logs           = { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:a:*"] }
    good_connections    = { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:aws:execute-api:eu-central-1:123456789012:a/live/POST/@connections/*"] }
    bad_stream          = { Effect = "Allow", Action = ["dynamodb:GetRecords"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a/stream/*"] }
    bad_streams_of_all  = { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/*"] }
    good_streams        = { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/a/stream/*"] }
    good_tracing        = { Effect = "Allow", Action = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource = ["*"] }
    good_denial         = { Effect = "Deny", Action = ["*"], Resource = ["*"] }
  }

  principals = {
    bad_anybody      = { Principal = "*" }
    bad_any_aws      = { Principal = { AWS = "*" } }
    bad_any_of_aws   = { Principal = { AWS = ["arn:aws:iam::123456789012:role/a", "*"] } }
    bad_any_service  = { Principal = { Service = "*" } }
    bad_all_but_one  = { NotPrincipal = { AWS = "arn:aws:iam::123456789012:role/a" } }
    good_lambda      = { Principal = { Service = "lambda.amazonaws.com" } }
    good_one_role    = { Principal = { AWS = "arn:aws:iam::123456789012:role/a" } }
    good_one_account = { Principal = { AWS = ["arn:aws:iam::123456789012:root"] } }
  }

  queue = "arn:aws:sqs:eu-central-1:123456789012:a"
  queue_policies = {
    bad_anybody      = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }]
    bad_any_aws      = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sqs:SendMessage", Resource = local.queue }]
    bad_single       = { Effect = "Allow", Principal = { AWS = "*" }, Action = "sqs:SendMessage", Resource = local.queue }
    bad_second       = [{ Effect = "Deny", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }, { Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }]
    bad_all_but_one  = [{ Effect = "Allow", NotPrincipal = { AWS = "arn:aws:iam::123456789012:role/a" }, Action = "sqs:SendMessage", Resource = local.queue }]
    bad_on_condition = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue, Condition = { Bool = { "aws:SecureTransport" = "true" } } }]
    good_topic       = [{ Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = local.queue, Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-central-1:123456789012:a" } } }]
    good_denial      = { Effect = "Deny", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }
  }

  permissions = {
    bad_without_source  = { principal = "apigateway.amazonaws.com", source_arn = null }
    bad_everybody       = { principal = "*", source_arn = null }
    bad_any_source      = { principal = "apigateway.amazonaws.com", source_arn = "arn:aws:execute-api:eu-central-1:123456789012:a/*" }
    bad_any_principal   = { principal = "*", source_arn = "arn:aws:execute-api:eu-central-1:123456789012:a/live/push" }
    good_source         = { principal = "apigateway.amazonaws.com", source_arn = "arn:aws:execute-api:eu-central-1:123456789012:a/live/push" }
    good_connect_source = { principal = "apigateway.amazonaws.com", source_arn = "arn:aws:execute-api:eu-central-1:123456789012:a/live/$connect" }
  }
}

resource "aws_iam_role_policy" "planted" {
  for_each = local.statements

  role   = "a"
  policy = jsonencode({ Version = "2012-10-17", Statement = [each.value] })
}

# A statement need not be in a list.
resource "aws_iam_policy" "bad_single" {
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements.bad_action })
}

resource "aws_iam_role" "planted" {
  for_each = local.principals

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [merge({ Effect = "Allow", Action = "sts:AssumeRole" }, each.value)] })
}

# Policies within blocks, and in the queue itself.
resource "aws_iam_role" "bad_inline" {
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [] })

  inline_policy {
    name   = "a"
    policy = jsonencode({ Version = "2012-10-17", Statement = local.statements.bad_buckets })
  }
}

resource "aws_sqs_queue" "bad_policy" {
  sqs_managed_sse_enabled = true
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.queue_policies.bad_single })
}

resource "aws_sqs_queue_policy" "planted" {
  for_each = local.queue_policies

  queue_url = "https://sqs.eu-central-1.amazonaws.com/123456789012/a"
  policy    = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

# A key's policy calls the key *.
resource "aws_kms_key_policy" "planted" {
  for_each = { bad_anybody = { AWS = "*" }, good_account = { AWS = "arn:aws:iam::123456789012:root" } }

  key_id = "a"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "kms:*", Resource = "*", Principal = each.value } })
}

resource "aws_lambda_permission" "planted" {
  for_each = local.permissions

  action        = "lambda:InvokeFunction"
  function_name = "a"
  principal     = each.value.principal
  source_arn    = each.value.source_arn
}

resource "aws_dynamodb_table" "planted" {
  for_each = { bad_unencrypted = [false], bad_by_default = [], good_encrypted = [true] }

  name         = each.key
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "a"

  attribute {
    name = "a"
    type = "S"
  }

  dynamic "server_side_encryption" {
    for_each = each.value

    content {
      enabled = server_side_encryption.value
    }
  }
}

resource "aws_sqs_queue" "planted" {
  for_each = {
    bad_unencrypted = { managed = false, key = null }
    bad_unsaid      = { managed = null, key = null }
    good_managed    = { managed = true, key = null }
    good_key        = { managed = null, key = "arn:aws:kms:eu-central-1:123456789012:key/a" }
  }

  sqs_managed_sse_enabled = each.value.managed
  kms_master_key_id       = each.value.key
}

resource "aws_sns_topic" "planted" {
  for_each = { bad_unencrypted = null, good_key = "arn:aws:kms:eu-central-1:123456789012:key/a" }

  kms_master_key_id = each.value
}

resource "aws_cloudwatch_log_group" "planted" {
  for_each = { bad_default = null, bad_for_ever = 0, good_days = 7 }

  name              = each.key
  retention_in_days = each.value
}

resource "aws_lambda_function" "planted" {
  for_each = { bad_unknown_group = "made-by-lambda", good_group = aws_cloudwatch_log_group.planted["good_days"].name }

  function_name = each.key
  role          = "arn:aws:iam::123456789012:role/a"
  filename      = "a.zip"
  handler       = "a"
  runtime       = "python3.13"

  logging_config {
    log_format = "JSON"
    log_group  = each.value
  }
}
