# The fan-out: its queues, what feeds its function, what that may do, and what looks at it.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = aws_sqs_queue.fanout
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout", url = "https://queue/events-fanout" }
  }

  override_resource {
    target          = aws_sqs_queue.fanout_dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout-dead-letters", url = "https://queue/events-fanout-dead-letters" }
  }

  override_resource {
    target          = aws_cloudwatch_log_group.this["fanout"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:fanout" }
  }
}

run "queues" {
  command = plan
  module {
    source = "./modules/queues"
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
    fan_out = {
      function = { name = "events-fanout", invocation_arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-fanout:live", timeout = 60 }
      workers  = 4
    }
    tags = { team = "a" }
  }

  assert {
    condition = (
      aws_sqs_queue.fanout[0].name == "events-fanout"
      && aws_sqs_queue.fanout[0].visibility_timeout_seconds == 360
      && aws_sqs_queue.fanout[0].message_retention_seconds == 604800
      && aws_sqs_queue.fanout[0].sqs_managed_sse_enabled
      && aws_sqs_queue.fanout[0].tags == tomap({ Name = "events-fanout", team = "a" })
      && aws_sqs_queue.fanout_dead_letter[0].message_retention_seconds == 1209600
      && aws_sqs_queue.fanout_dead_letter[0].sqs_managed_sse_enabled
    )
    error_message = "A segment stays hidden for six times as long as a worker may take, and a dead one as long as SQS keeps it."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue_redrive_policy.fanout[0].redrive_policy) == {
        deadLetterTargetArn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout-dead-letters"
        maxReceiveCount     = 5
      }
      && jsondecode(aws_sqs_queue_redrive_allow_policy.fanout_dead_letter[0].redrive_allow_policy) == {
        redrivePermission = "byQueue"
        sourceQueueArns   = ["arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout"]
      }
    )
    error_message = "A segment that fails five times ends in the dead-letter queue, which takes no others."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.fanout[0], aws_sqs_queue.fanout_dead_letter[0]] :
      [for statement in jsondecode(queue.policy).Statement : statement.Sid] == ["RefuseWithoutTls"]
    ])
    error_message = "The queues' own policies let no one send, and nothing without TLS."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.fanout[0].function_name == "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-fanout:live"
      && aws_lambda_event_source_mapping.fanout[0].batch_size == 1
      && aws_lambda_event_source_mapping.fanout[0].scaling_config[0].maximum_concurrency == 4
      && aws_lambda_event_source_mapping.fanout[0].function_response_types == toset(["ReportBatchItemFailures"])
      && length(aws_lambda_event_source_mapping.push) == 0
    )
    error_message = "As many workers as there are, each with one segment at a time."
  }

  assert {
    condition = (
      output.fanout_queue_url == "https://queue/events-fanout"
      && output.fanout_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout"
      && output.fanout_queue_dead_letter_queue_url == "https://queue/events-fanout-dead-letters"
      && output.fanout_queue_dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-fanout-dead-letters"
    )
    error_message = "Where segments wait and end."
  }
}

run "function" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name            = "events"
    allow_anonymous = false
    allowed_origins = []
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
      subscriptions_table_name = "events-subscriptions"
      subscriptions_table_arn  = "arn:subscriptions"
    }
    api = { execution_arn = "arn:api", stage_name = "live", connections_url = "https://api.example/live" }
    queues = {
      dead_letter_queue_arn = "arn:dead-letters"
      fanout_queue_arn      = "arn:fanout"
      fanout_queue_url      = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events-fanout"
      kms_key_arn           = "arn:key"
    }
    region            = "cn-north-1"
    dns_suffix        = "amazonaws.com.cn"
    alias_name        = "live"
    deployed_packages = ""
    function_names = {
      connect       = "events-connect"
      disconnect    = "events-disconnect"
      fanout        = "events-fanout"
      poll          = "events-poll"
      push          = "events-push"
      subscriptions = "events-subscriptions"
    }
    function_arns = { fanout = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-fanout" }
    log_group_names = {
      connect       = "/aws/lambda/events-connect"
      disconnect    = "/aws/lambda/events-disconnect"
      fanout        = "/aws/lambda/events-fanout"
      poll          = "/aws/lambda/events-poll"
      push          = "/aws/lambda/events-push"
      subscriptions = "/aws/lambda/events-subscriptions"
    }
    client_push        = "self"
    keepalive          = { action = "poll" }
    max_frame_kb       = 32
    persist_by_default = true
    notification_ttl   = 604800
    topics             = { max_per_connection = 20, immediate_connections = 300, broadcast_rate = 1001, workers = 4 }
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
    condition = jsondecode(aws_iam_role_policy.this["fanout"].policy).Statement == [
      { Effect = "Allow", Action = ["dynamodb:DeleteItem", "dynamodb:Scan"], Resource = ["arn:clients"] },
      { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:api/live/DELETE/@connections/*", "arn:api/live/POST/@connections/*"] },
      { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:subscriptions"] },
      { Effect = "Allow", Action = ["dynamodb:BatchWriteItem"], Resource = ["arn:subscriptions"] },
      { Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["arn:fanout"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:key"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:fanout:*"] },
    ]
    error_message = "The fanout function reads connections and subscriptions, removes what is gone, posts, and passes segments on."
  }

  assert {
    condition = alltrue([
      for statement in [
        { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:subscriptions"] },
        { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:dead-letters", "arn:fanout"] },
      ] : contains([for each in jsondecode(aws_iam_role_policy.this["push"].policy).Statement : jsonencode(each)], jsonencode(statement))
    ])
    error_message = "The push function may read subscriptions and send segments."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "disconnect", "poll", "subscriptions"] : length(regexall("sqs:|Scan", aws_iam_role_policy.this[key].policy)) == 0
    ])
    error_message = "No other function has to do with segments."
  }

  assert {
    condition = (
      aws_lambda_function.this["fanout"].timeout == 60 && aws_lambda_function.this["fanout"].memory_size == 512
      && aws_lambda_function.this["fanout"].environment[0].variables == tomap({
        CLIENTS_TABLE       = "events-clients"
        CONNECTIONS_URL     = "https://api.example/live"
        DNS_SUFFIX          = "amazonaws.com.cn"
        FANOUT_QUEUE_URL    = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events-fanout"
        LOG_LEVEL           = "INFO"
        METRICS_NAME        = "events"
        METRICS_NAMESPACE   = "WebSocketPush"
        POSTS_PER_SECOND    = "250"
        SUBSCRIPTIONS_TABLE = "events-subscriptions"
      })
    )
    error_message = "Each worker has its part of the rate."
  }

  assert {
    condition = { for name, value in aws_lambda_function.this["push"].environment[0].variables : name => value if contains(["FANOUT_QUEUE_URL", "FANOUT_SEGMENTS", "IMMEDIATE_CONNECTIONS", "SUBSCRIPTIONS_TABLE"], name) } == {
      FANOUT_QUEUE_URL      = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events-fanout"
      FANOUT_SEGMENTS       = "4"
      IMMEDIATE_CONNECTIONS = "300"
      SUBSCRIPTIONS_TABLE   = "events-subscriptions"
    }
    error_message = "The push function knows when to pass on, and into how many segments."
  }
}

run "monitoring" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    name                  = "events"
    metrics_namespace     = "Push/Test"
    region                = "cn-north-1"
    function_names        = { connect = "events-connect", fanout = "events-fanout", push = "events-push" }
    log_group_names       = { connect = "/aws/lambda/events-connect", fanout = "/aws/lambda/events-fanout", push = "/aws/lambda/events-push" }
    push_function_timeout = 30
    api                   = { id = "a1b2c3d4e5", stage_name = "live" }
    dashboard             = true
    alarms = {
      sns_topic_arns = []
      leave_out      = []
      thresholds = {
        authorizer_errors       = 0
        connections_refused     = 100
        dead_letters            = 0
        deliveries_failed       = 10
        errors                  = 0
        fanout_age              = 900
        fanout_dead_letters     = 0
        faults                  = 0
        keys_unavailable        = 0
        not_persisted           = 0
        push_duration           = 80
        push_queue_age          = 300
        push_queue_dead_letters = 0
        throttles               = 0
      }
    }
    queues = {
      dead_letter_queue_name        = "events-dead-letters"
      fanout_queue_name             = "events-fanout"
      fanout_dead_letter_queue_name = "events-fanout-dead-letters"
    }
  }

  assert {
    condition = {
      for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.alarm_name, alarm.metric_name, alarm.dimensions["QueueName"], alarm.threshold] if startswith(key, "fanout")
      } == {
      fanout_age          = ["events-fanout-age", "ApproximateAgeOfOldestMessage", "events-fanout", 900]
      fanout_dead_letters = ["events-fanout-dead-letters", "ApproximateNumberOfMessagesVisible", "events-fanout-dead-letters", 0]
    }
    error_message = "Segments that wait and segments that failed each have an alarm."
  }

  assert {
    condition = length(setsubtract(
      [
        "Notifications for topics, and segments", "Milliseconds from push to the end of a segment",
        "Longest wait in the fan-out queue, in seconds",
      ],
      [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title],
    )) == 0
    error_message = "The dashboard shows topics where there are some."
  }
}
