# What AWS would answer, in a partition whose names differ from the usual ones: a name that is written down instead of
# derived shows.

mock_data "aws_service" {
  defaults = {
    partition = "aws-cn"
    region    = "cn-north-1"
  }
}

mock_data "aws_default_tags" {
  defaults = {
    tags = {}
  }
}

mock_data "aws_partition" {
  defaults = {
    partition  = "aws-cn"
    dns_suffix = "amazonaws.com.cn"
  }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    id            = "a1b2c3d4e5"
    api_endpoint  = "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn"
    execution_arn = "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2c3d4e5"
  }
}

mock_resource "aws_apigatewayv2_authorizer" {
  defaults = {
    id = "author1"
  }
}

mock_resource "aws_apigatewayv2_deployment" {
  defaults = {
    id = "deploy1"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:mocked"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn        = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/mocked"
    stream_arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/mocked/stream/2026-01-31T12:00:00.000"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn       = "arn:aws-cn:iam::123456789012:role/mocked"
    id        = "mocked"
    unique_id = "AROAMOCKED"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mocked"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws-cn:sqs:cn-north-1:123456789012:mocked"
    url = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/mocked"
  }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = {
    arn = "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:mocked"
  }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mocked:live"
  }
}

# What the examples add.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_route53_zone" {
  defaults = {
    zone_id = "Z0123456789ABCDEFGHIJ"
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/mocked"
    domain_validation_options = [
      {
        domain_name           = "push.example.com"
        resource_record_name  = "_mocked.push.example.com."
        resource_record_type  = "CNAME"
        resource_record_value = "_mocked.acm-validations.aws."
      },
    ]
  }
}

mock_resource "aws_iam_policy" {
  defaults = {
    arn = "arn:aws-cn:iam::123456789012:policy/mocked"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/mocked"
  }
}
