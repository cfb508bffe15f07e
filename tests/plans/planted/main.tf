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
    bad_any_account  = { Principal = { AWS = "arn:aws:iam::*:root" } }
    good_lambda      = { Principal = { Service = "lambda.amazonaws.com" } }
    good_one_role    = { Principal = { AWS = "arn:aws:iam::123456789012:role/a" } }
    good_one_account = { Principal = { AWS = ["arn:aws:iam::123456789012:root"] } }
  }

  # Who may act as a role by an OpenID provider, which has users of its own.
  audience = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
  users = {
    bad_any_user       = { StringEquals = local.audience }
    bad_any_user_named = { StringLike = { "token.actions.githubusercontent.com:sub" = "*" } }
    bad_any_but_one    = { StringNotEquals = { "token.actions.githubusercontent.com:sub" = "repo:a/b:ref:refs/heads/main" } }
    bad_if_there       = { StringEqualsIfExists = { "token.actions.githubusercontent.com:sub" = "repo:a/b:ref:refs/heads/main" } }
    good_repository    = { StringEquals = local.audience, StringLike = { "token.actions.githubusercontent.com:sub" = "repo:a/b:*" } }
  }

  # For whom a service acts that a policy is for.
  sources = {
    bad_any_source      = { ArnLike = { "aws:SourceArn" = "*" } }
    bad_any_account     = { ArnLike = { "AWS:SourceArn" = "arn:aws:sns:*:*:a" } }
    bad_one_of_two      = { ArnLike = { "aws:SourceArn" = ["arn:aws:sns:eu-central-1:123456789012:a", "arn:aws:sns:*"] } }
    bad_if_there        = { ArnEqualsIfExists = { "aws:SourceArn" = "arn:aws:sns:eu-central-1:123456789012:a" } }
    bad_other_condition = { Bool = { "aws:SecureTransport" = "true" } }
    good_topics         = { ArnLike = { "AWS:SourceArn" = "arn:aws:sns:eu-central-1:123456789012:*" } }
    good_account        = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    good_bucket         = { ArnEquals = { "aws:SourceArn" = "arn:aws:s3:::a" } }
    good_organization   = { StringEquals = { "aws:SourceOrgID" = "o-a1b2c3d4e5" } }
  }

  queue = "arn:aws:sqs:eu-central-1:123456789012:a"
  queue_policies = {
    bad_anybody      = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }]
    bad_any_aws      = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sqs:SendMessage", Resource = local.queue }]
    bad_single       = { Effect = "Allow", Principal = { AWS = "*" }, Action = "sqs:SendMessage", Resource = local.queue }
    bad_second       = [{ Effect = "Deny", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }, { Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }]
    bad_all_but_one  = [{ Effect = "Allow", NotPrincipal = { AWS = "arn:aws:iam::123456789012:role/a" }, Action = "sqs:SendMessage", Resource = local.queue }]
    bad_any_service  = [{ Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = local.queue }]
    bad_some_roles   = [{ Effect = "Allow", Principal = { AWS = "*" }, Action = "sqs:SendMessage", Resource = local.queue, Condition = { StringLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/*" } } }]
    bad_on_condition = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue, Condition = { Bool = { "aws:SecureTransport" = "true" } } }]
    good_topic       = [{ Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = local.queue, Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-central-1:123456789012:a" } } }]
    good_denial      = { Effect = "Deny", Principal = "*", Action = "sqs:SendMessage", Resource = local.queue }
  }

  of_api = "arn:aws:execute-api:eu-central-1:123456789012:a/live/push"
  permissions = {
    bad_without_source  = { principal = "apigateway.amazonaws.com" }
    bad_everybody       = { principal = "*" }
    bad_any_source      = { principal = "apigateway.amazonaws.com", source_arn = "arn:aws:execute-api:eu-central-1:123456789012:a/*" }
    bad_any_principal   = { principal = "*", source_arn = local.of_api }
    bad_any_action      = { principal = "apigateway.amazonaws.com", source_arn = local.of_api, action = "lambda:*" }
    bad_bucket          = { principal = "s3.amazonaws.com", source_arn = "arn:aws:s3:::a" }
    good_bucket         = { principal = "s3.amazonaws.com", source_arn = "arn:aws:s3:::a", source_account = "123456789012" }
    good_source         = { principal = "apigateway.amazonaws.com", source_arn = local.of_api }
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

resource "aws_iam_role" "users" {
  for_each = local.users

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity", Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }, Condition = each.value } })
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

resource "aws_kms_key_policy" "bad_all_but_one" {
  key_id = "a"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", NotAction = "kms:ScheduleKeyDeletion", Resource = "*", Principal = { AWS = "arn:aws:iam::123456789012:role/a" } } })
}

resource "aws_kms_replica_key" "good_account" {
  primary_key_arn = "arn:aws:kms:us-east-1:123456789012:key/mrk-a"
  policy          = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "kms:*", Resource = "*", Principal = { AWS = "arn:aws:iam::123456789012:root" } } })
}

resource "aws_lambda_permission" "planted" {
  for_each = local.permissions

  action         = lookup(each.value, "action", "lambda:InvokeFunction")
  function_name  = "a"
  principal      = each.value.principal
  source_arn     = lookup(each.value, "source_arn", null)
  source_account = lookup(each.value, "source_account", null)
}

resource "aws_lambda_layer_version_permission" "bad_everybody" {
  action         = "lambda:GetLayerVersion"
  layer_name     = "a"
  version_number = 1
  statement_id   = "a"
  principal      = "*"
}

resource "aws_lambda_function_url" "planted" {
  for_each = { bad_open = "NONE", good_signed = "AWS_IAM" }

  function_name      = each.key
  authorization_type = each.value
}

resource "aws_cloudwatch_event_permission" "bad_everybody" {
  statement_id = "a"
  principal    = "*"
}

resource "aws_sns_topic_policy" "planted" {
  for_each = local.sources

  arn    = "arn:aws:sns:eu-central-1:123456789012:a"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sns:Publish", Resource = "arn:aws:sns:eu-central-1:123456789012:a", Condition = each.value } })
}

resource "aws_s3_bucket_policy" "bad_everybody" {
  bucket = "a"
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "arn:aws:s3:::a/b" } })
}

resource "aws_s3_bucket_acl" "planted" {
  for_each = { bad_public = "public-read", bad_all_of_aws = "authenticated-read", good_private = "private" }

  bucket = "a"
  acl    = each.value
}

resource "aws_s3_bucket_public_access_block" "planted" {
  for_each = { bad_policy = false, good_all = true }

  bucket                  = "a"
  block_public_acls       = true
  block_public_policy     = each.value
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_api_gateway_rest_api_policy" "bad_everybody" {
  rest_api_id = "a"
  policy      = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Principal = "*", Action = "execute-api:Invoke", Resource = "arn:aws:execute-api:eu-central-1:123456789012:a/live/GET/b" } })
}

# What AWS has written for everyone.
resource "aws_iam_role_policy_attachment" "planted" {
  for_each = {
    bad_administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    bad_china         = "arn:aws-cn:iam::aws:policy/IAMFullAccess"
    bad_job           = "arn:aws:iam::aws:policy/job-function/SystemAdministrator"
    good_service_role = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    good_own          = "arn:aws:iam::123456789012:policy/AdministratorAccess"
  }

  role       = "a"
  policy_arn = each.value
}

resource "aws_iam_role" "bad_managed" {
  assume_role_policy  = jsonencode({ Version = "2012-10-17", Statement = [] })
  managed_policy_arns = ["arn:aws:iam::aws:policy/PowerUserAccess"]
}

# A policy within other JSON.
resource "aws_cloudformation_stack" "bad_policy" {
  name          = "a"
  template_body = jsonencode({ Resources = { A = { Type = "AWS::IAM::Policy", Properties = { PolicyDocument = { Statement = local.statements.bad_action } } } } })
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
