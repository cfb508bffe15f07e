# What the root module gives back. Its parts are tested by themselves, and that every input reaches them by
# tests/packaging/test_plan.py: a run sees no resource below its own module.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = module.dynamodb.aws_dynamodb_table.clients
    override_during = plan
    values          = { arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/clients" }
  }

  override_resource {
    target          = module.dynamodb.aws_dynamodb_table.notifications
    override_during = plan
    values          = { arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/notifications" }
  }

  override_resource {
    target          = module.queues.aws_sqs_queue.dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters", url = "https://queue/dead-letters" }
  }

  override_resource {
    target          = module.queues.aws_sqs_queue.push
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:push", url = "https://queue/push" }
  }

  override_resource {
    target          = module.queues.aws_sqs_queue.push_dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:push-dead-letters", url = "https://queue/push-dead-letters" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_function.this["connect"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:connect" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_function.this["disconnect"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:disconnect" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_function.this["poll"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:poll" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_function.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:push" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_function.this["verify_jwt"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:verify-jwt" }
  }
}

variables {
  allow_anonymous = true
}

run "outputs" {
  command = plan

  assert {
    condition     = output.websocket_url == "wss://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
    error_message = "websocket_url is the stage's address for clients."
  }

  assert {
    condition     = output.connections_url == "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/live"
    error_message = "connections_url is the stage's address for the management API."
  }

  assert {
    condition     = output.api_id == "a1b2c3d4e5"
    error_message = "api_id is the API's."
  }

  assert {
    condition     = output.push_function_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:push" && output.push_function_name == "websocket-push-push"
    error_message = "The push function's ARN and name."
  }

  assert {
    condition = jsondecode(output.push_invoke_policy_json) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws-cn:lambda:cn-north-1:123456789012:function:push"] }]
    }
    error_message = "push_invoke_policy_json allows to invoke the push function, and nothing else."
  }

  assert {
    condition = (
      output.clients_table_name == "websocket-push-clients"
      && output.clients_table_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/clients"
      && output.notifications_table_name == "websocket-push-notifications"
      && output.notifications_table_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/notifications"
    )
    error_message = "The tables' names and ARNs."
  }

  assert {
    condition = output.function_arns == {
      connect    = "arn:aws-cn:lambda:cn-north-1:123456789012:function:connect"
      disconnect = "arn:aws-cn:lambda:cn-north-1:123456789012:function:disconnect"
      poll       = "arn:aws-cn:lambda:cn-north-1:123456789012:function:poll"
      push       = "arn:aws-cn:lambda:cn-north-1:123456789012:function:push"
    }
    error_message = "The functions' ARNs by function."
  }

  assert {
    condition = output.log_group_names == {
      connect    = "/aws/lambda/websocket-push-connect"
      disconnect = "/aws/lambda/websocket-push-disconnect"
      poll       = "/aws/lambda/websocket-push-poll"
      push       = "/aws/lambda/websocket-push-push"
    }
    error_message = "The log groups' names by function."
  }

  assert {
    condition     = length(output.alarm_arns) == 0 && output.dashboard_name == null
    error_message = "There are alarms and a dashboard only if they are asked for."
  }
}

run "outputs_with_alarms_and_a_dashboard" {
  command = plan
  variables {
    alarms    = { leave_out = ["errors"] }
    dashboard = true
  }

  assert {
    condition = (
      output.alarm_arns["push_duration"] == "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:mocked"
      && contains(keys(output.alarm_arns), "faults")
      && !contains(keys(output.alarm_arns), "errors") && !contains(keys(output.alarm_arns), "keys_unavailable")
      && output.dashboard_name == "websocket-push"
    )
    error_message = "The alarms' ARNs by key, and the dashboard's name."
  }
}

run "outputs_of_the_dead_letter_queue_alone" {
  command = plan

  assert {
    condition = (
      output.dead_letter_queue_url == "https://queue/dead-letters"
      && output.dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters"
    )
    error_message = "There always is a queue for failed invocations."
  }

  assert {
    condition = alltrue([
      for value in [
        output.push_queue_url, output.push_queue_arn, output.push_queue_send_policy_json,
        output.push_queue_dead_letter_queue_url, output.push_queue_dead_letter_queue_arn,
      ] : value == null
    ])
    error_message = "Without push_queue there is no other."
  }
}

run "outputs_with_a_push_queue" {
  command = plan
  variables {
    push_queue = {}
  }

  assert {
    condition = (
      output.push_queue_url == "https://queue/push"
      && output.push_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:push"
      && output.push_queue_dead_letter_queue_url == "https://queue/push-dead-letters"
      && output.push_queue_dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:push-dead-letters"
      && output.dead_letter_queue_url == "https://queue/dead-letters"
    )
    error_message = "The push queue and where its messages end."
  }

  assert {
    condition = jsondecode(output.push_queue_send_policy_json) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:push"] }]
    }
    error_message = "push_queue_send_policy_json allows to send to the push queue, and nothing else."
  }
}

run "outputs_with_tokens" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
  }

  assert {
    condition = (
      output.function_arns == merge(run.outputs.function_arns, { verify_jwt = "arn:aws-cn:lambda:cn-north-1:123456789012:function:verify-jwt" })
      && output.log_group_names == merge(run.outputs.log_group_names, { verify_jwt = "/aws/lambda/websocket-push-verify-jwt" })
    )
    error_message = "The function that verifies tokens is listed with the others."
  }

  assert {
    condition     = output.websocket_url == run.outputs.websocket_url && output.push_function_arn == run.outputs.push_function_arn
    error_message = "The addresses do not depend on the authorization."
  }
}

run "outputs_with_an_authorizer" {
  command = plan
  variables {
    allow_anonymous = false
    authorizer      = { function_name = "mine", function_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mine" }
  }

  assert {
    condition     = output.function_arns == run.outputs.function_arns && output.log_group_names == run.outputs.log_group_names
    error_message = "A function of the user's own is not one of the module's."
  }
}

run "outputs_without_what_is_optional" {
  command = plan

  assert {
    condition     = output.access_log_group_name == null && output.custom_domain_target_domain_name == null && output.custom_domain_target_hosted_zone_id == null
    error_message = "What there is not is null."
  }
}

run "outputs_with_what_is_optional" {
  command = plan
  variables {
    functions     = { push = { provisioned_concurrency = 1 } }
    access_logs   = {}
    custom_domain = { domain_name = "push.example.com", certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234", mapping_key = "v1" }
  }

  override_resource {
    target          = module.lambda.aws_lambda_alias.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:push:live" }
  }

  assert {
    condition = (
      output.push_function_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:push:live"
      && jsondecode(output.push_invoke_policy_json).Statement[0].Resource == [output.push_function_arn]
      && output.push_function_name == "websocket-push-push"
      && output.function_arns["push"] == "arn:aws-cn:lambda:cn-north-1:123456789012:function:push"
    )
    error_message = "A backend invokes the alias of a push function that has one."
  }

  assert {
    condition     = output.websocket_url == "wss://push.example.com/v1" && output.connections_url == run.outputs.connections_url
    error_message = "Clients connect to the custom domain."
  }

  assert {
    condition     = output.access_log_group_name == "/aws/apigateway/websocket-push-live"
    error_message = "The access logs have a group of their own."
  }
}

run "outputs_with_posts_through_the_domain" {
  command = plan
  variables {
    custom_domain = { domain_name = "push.example.com", certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234", mapping_key = "v1", posts = true }
  }

  assert {
    condition     = output.connections_url == "https://push.example.com/v1"
    error_message = "The push function posts through the domain, below its path."
  }
}

run "outputs_with_posts_through_the_domain_itself" {
  command = plan
  variables {
    custom_domain = { domain_name = "push.example.com", certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1234", posts = true }
  }

  assert {
    condition     = output.connections_url == "https://push.example.com"
    error_message = "Without a path it is the domain."
  }
}
