# The control function: what it and the others may do with it, its queue, and the outputs.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = module.lambda.aws_lambda_function.this["control"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:control" }
  }

  override_resource {
    target          = aws_sqs_queue.control
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-control", url = "https://queue/events-control" }
  }
}

run "without_it" {
  command = plan
  variables {
    allow_anonymous = true
  }

  assert {
    condition     = output.control_function_arn == null && output.control_invoke_policy_json == null && !contains(keys(output.function_arns), "control")
    error_message = "There is no control function unless it is asked for."
  }
}

run "outputs" {
  command = plan
  variables {
    allow_anonymous = true
    control         = {}
  }

  assert {
    condition     = output.control_function_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:control" && output.function_arns["control"] == output.control_function_arn
    error_message = "The function's ARN."
  }

  assert {
    condition = jsondecode(output.control_invoke_policy_json) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws-cn:lambda:cn-north-1:123456789012:function:control"] }]
    }
    error_message = "control_invoke_policy_json allows to invoke the control function, and nothing else."
  }
}

run "permissions" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name = "events"
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
    }
    api = {
      execution_arn   = "arn:api"
      stage_name      = "live"
      connections_url = "https://api.example/live"
    }
    queues = {
      dead_letter_queue_arn = "arn:dead-letters"
      control_queue_arn     = "arn:control"
      control_queue_url     = "https://queue/control"
      kms_key_arn           = "arn:key"
    }
    control           = { revocation_ttl = 3600 }
    region            = "cn-north-1"
    dns_suffix        = "amazonaws.com.cn"
    alias_name        = "live"
    deployed_packages = ""
    function_names    = { for key in ["connect", "disconnect", "poll", "push", "control"] : key => "events-${key}" }
    function_arns     = { for key in ["connect", "disconnect", "poll", "push", "control"] : key => "arn:events-${key}" }
    log_group_names   = { for key in ["connect", "disconnect", "poll", "push", "control"] : key => "/aws/lambda/events-${key}" }

    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "none"
    keepalive          = { action = "poll" }
    max_frame_kb       = 32
    persist_by_default = true
    notification_ttl   = 604800
    functions          = {}
    packages           = {}
    log_retention_days = 30
    log_level          = "INFO"
    metrics_namespace  = "WebSocketPush"
    tracing            = false
    iam_roles          = { path = "/" }
    tags               = {}
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["control"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:clients/index/userId-index"] },
      { Effect = "Allow", Action = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = ["arn:clients"] },
      { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:api/live/DELETE/@connections/*", "arn:api/live/POST/@connections/*"] },
      { Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["arn:control"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:key"] },
    ]
    error_message = "The control function may do this and nothing else."
  }

  assert {
    condition = {
      for key in ["connect", "poll", "push"] : key => [
        for statement in jsondecode(aws_iam_role_policy.this[key].policy).Statement : statement.Action if contains(statement.Action, "dynamodb:GetItem")
      ]
    } == { connect = [["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]], poll = [["dynamodb:GetItem"]], push = [] }
    error_message = "Those that let connections and messages in may read what is revoked."
  }

  assert {
    condition     = alltrue([for key in ["connect", "poll", "push"] : aws_lambda_function.this[key].environment[0].variables.REVOCABLE == "true"])
    error_message = "The others know that tokens can be revoked."
  }

  assert {
    condition = jsonencode({
      for name, value in aws_lambda_function.this["control"].environment[0].variables : name => value if !contains(["DNS_SUFFIX", "LOG_LEVEL", "METRICS_NAME", "METRICS_NAMESPACE"], name)
      }) == jsonencode({
      CLIENTS_INDEX     = "userId-index"
      CLIENTS_TABLE     = "events-clients"
      CONNECTIONS_URL   = "https://api.example/live"
      CONTROL_QUEUE_URL = "https://queue/control"
      REVOCATION_TTL    = "3600"
    })
    error_message = "What the control function is passed."
  }
}

run "queue" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    queue_names      = { control = "events-control", dead_letter = "d", fanout = "f", fanout_dead_letter = "fd", push = "p", push_dead_letter = "pd" }
    queue_arns       = { control = "arn:control", dead_letter = "arn:d", fanout = "arn:f", fanout_dead_letter = "arn:fd", push = "arn:p", push_dead_letter = "arn:pd" }
    push_function    = { name = "push", arn = "arn:push", invocation_arn = "arn:push", timeout = 30 }
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
    control_function = { name = "events-control", invocation_arn = "arn:events-control:live", timeout = 20 }
  }

  assert {
    condition = (
      aws_sqs_queue.control[0].name == "events-control"
      && aws_sqs_queue.control[0].sqs_managed_sse_enabled
      && aws_sqs_queue.control[0].visibility_timeout_seconds == 120
      && aws_sqs_queue.control[0].message_retention_seconds == 7200
      && jsondecode(aws_sqs_queue.control[0].policy).Statement[*].Sid == ["RefuseWithoutTls"]
    )
    error_message = "A queue for the time that a connection may last, encrypted, with a policy that allows no sender."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.control[0].function_name == "arn:events-control:live"
      && aws_lambda_event_source_mapping.control[0].batch_size == 1
      && aws_lambda_event_source_mapping.control[0].event_source_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-control"
    )
    error_message = "It feeds the function, one message at a time."
  }
}

run "no_queue" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    queue_names      = { control = "events-control", dead_letter = "d", fanout = "f", fanout_dead_letter = "fd", push = "p", push_dead_letter = "pd" }
    queue_arns       = { control = "arn:control", dead_letter = "arn:d", fanout = "arn:f", fanout_dead_letter = "arn:fd", push = "arn:p", push_dead_letter = "arn:pd" }
    push_function    = { name = "push", arn = "arn:push", invocation_arn = "arn:push", timeout = 30 }
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
  }

  assert {
    condition     = length(aws_sqs_queue.control) == 0 && length(aws_lambda_event_source_mapping.control) == 0
    error_message = "Without the function there is no queue."
  }
}
