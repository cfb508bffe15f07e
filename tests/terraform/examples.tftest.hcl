# The examples that the end to end tests do not apply, or not in full.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

mock_provider "aws" {
  alias           = "second"
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = module.second.module.api.aws_apigatewayv2_api.this
    override_during = plan
    values = {
      id            = "second1"
      api_endpoint  = "wss://second1.execute-api.cn-northwest-1.amazonaws.com.cn"
      execution_arn = "arn:aws-cn:execute-api:cn-northwest-1:123456789012:second1"
    }
  }

  override_resource {
    target          = module.second.module.lambda.aws_lambda_function.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-northwest-1:123456789012:function:push" }
  }
}

run "custom_domain" {
  command = plan
  module {
    source = "./examples/custom-domain"
  }
  variables {
    zone_name   = "example.com"
    domain_name = "push.example.com"
    mapping_key = "v1"
  }

  assert {
    condition = (
      aws_acm_certificate.this.domain_name == "push.example.com"
      && aws_acm_certificate.this.validation_method == "DNS"
      && aws_route53_record.validation["push.example.com"].zone_id == "Z0123456789ABCDEFGHIJ"
      && aws_route53_record.validation["push.example.com"].name == "_mocked.push.example.com."
      && aws_route53_record.validation["push.example.com"].records == toset(["_mocked.acm-validations.aws."])
    )
    error_message = "The certificate is validated by a record in the zone."
  }

  assert {
    condition = (
      output.websocket_url == "wss://push.example.com/v1"
      && output.connections_url == "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
    )
    error_message = "Clients connect to the domain, and the functions post to the API's own address."
  }
}

run "custom_domain_without_a_path" {
  command = plan
  module {
    source = "./examples/custom-domain"
  }
  variables {
    zone_name   = "example.com"
    domain_name = "push.example.com"
  }

  assert {
    condition     = output.websocket_url == "wss://push.example.com"
    error_message = "The domain itself leads to the stage."
  }
}

run "multi_region" {
  command = plan
  module {
    source = "./examples/multi-region"
  }
  providers = {
    aws        = aws
    aws.second = aws.second
  }
  variables {
    regions = { first = "cn-north-1", second = "cn-northwest-1" }
  }

  assert {
    condition = output.websocket_urls == {
      cn-north-1     = "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
      cn-northwest-1 = "wss://second1.execute-api.cn-northwest-1.amazonaws.com.cn/live"
    }
    error_message = "Each Region has its own API."
  }

  assert {
    condition = output.push_function_arns == [
      "arn:aws-cn:lambda:cn-north-1:123456789012:function:mocked",
      "arn:aws-cn:lambda:cn-northwest-1:123456789012:function:push",
    ]
    error_message = "A backend pushes to both."
  }
}

run "complete" {
  command = plan
  module {
    source = "./examples/complete"
  }
  variables {
    keep_warm     = true
    issuer        = "https://issuer.example"
    audience      = []
    vpc           = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    custom_domain = { domain_name = "push.example.com", certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1" }
  }

  assert {
    condition = (
      output.websocket_url == "wss://push.example.com"
      && output.push_function_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:mocked:live"
      && output.access_log_group_name == "/aws/apigateway/push-complete-v1"
    )
    error_message = "Everything that can be turned on is."
  }

  assert {
    condition = [for statement in jsondecode(aws_kms_key_policy.push.policy).Statement : [statement.Sid, statement.Principal]] == [
      ["IAM", { AWS = "arn:aws-cn:iam::123456789012:root" }],
      ["Logs", { Service = "logs.cn-north-1.amazonaws.com.cn" }],
    ]
    error_message = "The key serves the account and its logs."
  }

  assert {
    condition = jsondecode(aws_kms_key_policy.push.policy).Statement[1].Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] == [
      "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/push-complete-*",
      "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/apigateway/push-complete-*",
    ]
    error_message = "CloudWatch Logs may use the key for the module's log groups only."
  }
}
