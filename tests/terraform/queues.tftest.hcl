# The queues: who may send, what is encrypted with what, how long messages stay hidden and are kept, and where they end.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = aws_sqs_queue.dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters", url = "https://queue/events-dead-letters" }
  }

  override_resource {
    target          = aws_sqs_queue.push
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push", url = "https://queue/events-push" }
  }

  override_resource {
    target          = aws_sqs_queue.push_dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push-dead-letters", url = "https://queue/events-push-dead-letters" }
  }
}

variables {
  queue_names = {
    control            = "events-control"
    dead_letter        = "events-dead-letters"
    fanout             = "events-fanout"
    fanout_dead_letter = "events-fanout-dead-letters"
    push               = "events-push"
    push_dead_letter   = "events-push-dead-letters"
  }
  queue_arns = {
    control            = "arn:aws-cn:sqs:cn-north-1:123456789012:events-control"
    dead_letter        = "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
    fanout             = "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout"
    fanout_dead_letter = "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout-dead-letters"
    push               = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push"
    push_dead_letter   = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push-dead-letters"
  }
  push_function = {
    name           = "events-push"
    arn            = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push"
    invocation_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push"
    timeout        = 30
  }
  async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
}

run "by_default" {
  command = plan
  module {
    source = "./modules/queues"
  }

  assert {
    condition = (
      aws_sqs_queue.dead_letter.name == "events-dead-letters"
      && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
      && aws_sqs_queue.dead_letter.sqs_managed_sse_enabled
      && aws_sqs_queue.dead_letter.kms_master_key_id == null
      && jsondecode(aws_sqs_queue.dead_letter.redrive_allow_policy) == { redrivePermission = "denyAll" }
      && aws_sqs_queue.dead_letter.tags == tomap({ Name = "events-dead-letters" })
    )
    error_message = "Failed invocations are kept for 14 days, encrypted."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dead_letter.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "RefuseWithoutTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }
    error_message = "Requests without TLS are denied, and the queue's policy allows no one."
  }

  assert {
    condition = alltrue([
      for resources in [
        aws_sqs_queue.push, aws_sqs_queue.push_dead_letter,
        aws_sqs_queue_redrive_policy.push, aws_sqs_queue_redrive_allow_policy.push_dead_letter,
      ] : length(resources) == 0
    ])
    error_message = "There is no push queue unless it is asked for."
  }

  assert {
    condition = (
      output.dead_letter_queue_url == "https://queue/events-dead-letters"
      && output.dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
    )
    error_message = "The outputs name the queue."
  }

  assert {
    condition = alltrue([
      for value in [
        output.push_queue_url, output.push_queue_arn, output.push_queue_send_policy_json,
        output.push_queue_dead_letter_queue_url, output.push_queue_dead_letter_queue_arn,
      ] : value == null
    ])
    error_message = "What is not there is null."
  }
}

run "push_queue" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue = { batch_size = 10, maximum_batching_window = 0, maximum_concurrency = 10, max_receive_count = 5, source_arns = [] }
    tags       = { team = "a", Name = "mine" }
  }

  assert {
    condition = (
      aws_sqs_queue.push[0].name == "events-push"
      && aws_sqs_queue.push[0].visibility_timeout_seconds == 180
      && aws_sqs_queue.push[0].message_retention_seconds == 604800
      && aws_sqs_queue_redrive_policy.push[0].queue_url == "https://queue/events-push"
      && jsondecode(aws_sqs_queue_redrive_policy.push[0].redrive_policy) == {
        deadLetterTargetArn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push-dead-letters"
        maxReceiveCount     = 5
      }
    )
    error_message = "A message is hidden for six times the function's timeout, and ends in the dead-letter queue after five failures."
  }

  assert {
    condition = (
      aws_sqs_queue.push_dead_letter[0].name == "events-push-dead-letters"
      && aws_sqs_queue.push_dead_letter[0].message_retention_seconds == 1209600
      && aws_sqs_queue_redrive_allow_policy.push_dead_letter[0].queue_url == "https://queue/events-push-dead-letters"
      && jsondecode(aws_sqs_queue_redrive_allow_policy.push_dead_letter[0].redrive_allow_policy) == {
        redrivePermission = "byQueue"
        sourceQueueArns   = ["arn:aws-cn:sqs:cn-north-1:123456789012:events-push"]
      }
    )
    error_message = "The dead-letter queue takes messages of the push queue, and of no other."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.push[0], aws_sqs_queue.push_dead_letter[0]] : queue.sqs_managed_sse_enabled && queue.kms_master_key_id == null && queue.tags == tomap({ team = "a", Name = "mine" })
    ]) && aws_sqs_queue.dead_letter.tags == tomap({ team = "a", Name = "mine" })
    error_message = "All are encrypted, and the caller's tags win over the default Name."
  }

  assert {
    condition = {
      (aws_sqs_queue.push[0].name)             = jsondecode(aws_sqs_queue.push[0].policy)
      (aws_sqs_queue.push_dead_letter[0].name) = jsondecode(aws_sqs_queue.push_dead_letter[0].policy)
      } == {
      for name in ["events-push", "events-push-dead-letters"] : name => {
        Version = "2012-10-17"
        Statement = [
          {
            Sid       = "RefuseWithoutTls"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sqs:*"
            Resource  = "arn:aws-cn:sqs:cn-north-1:123456789012:${name}"
            Condition = { Bool = { "aws:SecureTransport" = "false" } }
          },
        ]
      }
    }
    error_message = "Requests without TLS are denied, and the queues' policies allow no one."
  }

  assert {
    condition = jsondecode(output.push_queue_send_policy_json) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:events-push"] }]
    }
    error_message = "A backend may send to the push queue, and nothing else."
  }

  assert {
    condition = (
      output.push_queue_url == "https://queue/events-push"
      && output.push_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-push"
      && output.push_queue_dead_letter_queue_url == "https://queue/events-push-dead-letters"
      && output.push_queue_dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-push-dead-letters"
    )
    error_message = "The outputs name the queues."
  }
}

run "longest_function_and_window" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_function = {
      name           = "events-push"
      arn            = "arn:push"
      invocation_arn = "arn:push"
      timeout        = 900
    }
    push_queue = { batch_size = 500, maximum_batching_window = 300, maximum_concurrency = 2, max_receive_count = 50, source_arns = [] }
  }

  assert {
    condition     = aws_sqs_queue.push[0].visibility_timeout_seconds == 5700
    error_message = "The window that a batch is gathered in counts as well."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue_redrive_policy.push[0].redrive_policy).maxReceiveCount == 50
      && 50 * aws_sqs_queue.push[0].visibility_timeout_seconds < aws_sqs_queue.push[0].message_retention_seconds
    )
    error_message = "A message that fails every time ends in the dead-letter queue before its time in the push queue is over."
  }
}

run "topics_and_rules_that_may_send" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue = {
      batch_size              = 10
      maximum_batching_window = 0
      maximum_concurrency     = 10
      max_receive_count       = 5
      source_arns = [
        "arn:aws-cn:sns:cn-north-1:123456789012:orders",
        "arn:aws-cn:events:cn-north-1:123456789012:rule/orders",
        "arn:aws-cn:sns:cn-north-1:123456789012:alerts",
      ]
    }
  }

  assert {
    condition = slice(jsondecode(aws_sqs_queue.push[0].policy).Statement, 1, 3) == [
      {
        Sid       = "AcceptEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push"
        Condition = { ArnEquals = { "aws:SourceArn" = ["arn:aws-cn:events:cn-north-1:123456789012:rule/orders"] } }
      },
      {
        Sid       = "AcceptSns"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push"
        Condition = { ArnEquals = { "aws:SourceArn" = ["arn:aws-cn:sns:cn-north-1:123456789012:orders", "arn:aws-cn:sns:cn-north-1:123456789012:alerts"] } }
      },
    ]
    error_message = "The two services may send, for these topics and rules only."
  }

  assert {
    condition = length(jsondecode(aws_sqs_queue.push[0].policy).Statement) == 3 && alltrue([
      for queue in [aws_sqs_queue.dead_letter, aws_sqs_queue.push_dead_letter[0]] : length(jsondecode(queue.policy).Statement) == 1
    ])
    error_message = "They may send to the push queue only."
  }
}

run "a_key_of_the_customers_own" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue  = { batch_size = 10, maximum_batching_window = 0, maximum_concurrency = 10, max_receive_count = 5, source_arns = [] }
    kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.dead_letter, aws_sqs_queue.push[0], aws_sqs_queue.push_dead_letter[0]] :
      queue.kms_master_key_id == "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" && coalesce(queue.sqs_managed_sse_enabled, false) == false
    ])
    error_message = "The key encrypts all queues."
  }

  assert {
    condition = jsondecode(output.push_queue_send_policy_json).Statement == [
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:events-push"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"] },
    ]
    error_message = "A backend that sends has to use the key."
  }
}

# --- How push is invoked besides synchronously

run "asynchronous_by_default" {
  command = plan
  module {
    source = "./modules/queues"
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.push.function_name == var.push_function.arn
      && aws_lambda_function_event_invoke_config.push.maximum_event_age_in_seconds == 21600
      && aws_lambda_function_event_invoke_config.push.maximum_retry_attempts == 2
      && aws_lambda_function_event_invoke_config.push.destination_config[0].on_failure[0].destination == aws_sqs_queue.dead_letter.arn
      && length(aws_lambda_function_event_invoke_config.push.destination_config[0].on_success) == 0
    )
    error_message = "What fails asynchronously is tried again, and ends in the dead-letter queue."
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.push) == 0
    error_message = "Without push_queue nothing feeds push."
  }

  assert {
    condition     = length(aws_lambda_function_event_invoke_config.push_alias) == 0
    error_message = "Without an alias it has no settings."
  }
}

run "asynchronous_by_other_settings" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    async_invocation = { maximum_event_age = 60, maximum_retry_attempts = 0 }
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.push.maximum_event_age_in_seconds == 60
      && aws_lambda_function_event_invoke_config.push.maximum_retry_attempts == 0
    )
    error_message = "The caller says for how long and how often it is tried."
  }
}

run "fed_by_a_queue" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue = { batch_size = 10, maximum_batching_window = 0, maximum_concurrency = 10, max_receive_count = 5, source_arns = [] }
    tags       = { team = "a" }
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.push[0].event_source_arn == aws_sqs_queue.push[0].arn
      && aws_lambda_event_source_mapping.push[0].function_name == var.push_function.invocation_arn
      && aws_lambda_event_source_mapping.push[0].batch_size == 10
      && aws_lambda_event_source_mapping.push[0].maximum_batching_window_in_seconds == 0
      && aws_lambda_event_source_mapping.push[0].scaling_config[0].maximum_concurrency == 10
      && aws_lambda_event_source_mapping.push[0].function_response_types == toset(["ReportBatchItemFailures"])
      && aws_lambda_event_source_mapping.push[0].tags == tomap({ Name = "events-push", team = "a" })
    )
    error_message = "The queue feeds push, which names the messages that failed."
  }
}

run "fed_in_large_batches" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue = { batch_size = 500, maximum_batching_window = 5, maximum_concurrency = 2, max_receive_count = 5, source_arns = [] }
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.push[0].batch_size == 500
      && aws_lambda_event_source_mapping.push[0].maximum_batching_window_in_seconds == 5
      && aws_lambda_event_source_mapping.push[0].scaling_config[0].maximum_concurrency == 2
    )
    error_message = "The caller says how messages are gathered."
  }
}

run "an_alias" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    push_queue = { batch_size = 10, maximum_batching_window = 0, maximum_concurrency = 10, max_receive_count = 5, source_arns = [] }
    push_function = {
      name           = "events-push"
      arn            = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push"
      alias          = "live"
      invocation_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push:live"
      timeout        = 30
    }
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.push_alias["push"].function_name == var.push_function.arn
      && aws_lambda_function_event_invoke_config.push_alias["push"].qualifier == "live"
      && aws_lambda_function_event_invoke_config.push_alias["push"].maximum_event_age_in_seconds == aws_lambda_function_event_invoke_config.push.maximum_event_age_in_seconds
      && aws_lambda_function_event_invoke_config.push_alias["push"].maximum_retry_attempts == aws_lambda_function_event_invoke_config.push.maximum_retry_attempts
      && aws_lambda_function_event_invoke_config.push_alias["push"].destination_config[0].on_failure[0].destination == aws_sqs_queue.dead_letter.arn
    )
    error_message = "What fails of the alias ends in the dead-letter queue too."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.push[0].function_name == var.push_function.invocation_arn
    error_message = "The queue feeds the alias."
  }
}
