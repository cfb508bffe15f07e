# The events function: its stream, its queue, what it and the others may do, and the outputs.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = aws_sqs_queue.events
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events", url = "https://queue/events" }
  }

  override_resource {
    target          = aws_sqs_queue.events_dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters", url = "https://queue/events-dead-letters" }
  }

  override_resource {
    target          = module.queues.aws_sqs_queue.events_dead_letter
    override_during = plan
    values          = { arn = "arn:aws-cn:sqs:cn-north-1:123456789012:dead", url = "https://queue/dead" }
  }
}

variables {
  allow_anonymous = true
  table_names     = { clients = "events-clients", notifications = "events-notifications" }
  billing = {
    mode               = "PAY_PER_REQUEST"
    clients            = { read_capacity = 5, write_capacity = 5 }
    clients_index      = { read_capacity = 5, write_capacity = 5 }
    notifications      = { read_capacity = 5, write_capacity = 5 }
    target_utilization = 70
  }
  api = {
    execution_arn   = "arn:api"
    stage_name      = "live"
    connections_url = "https://api.example/live"
  }
  region            = "eu-west-1"
  dns_suffix        = "amazonaws.com"
  alias_name        = "live"
  deployed_packages = ""
  push_function     = { name = "push", arn = "arn:push", invocation_arn = "arn:push", timeout = 30 }
}

run "without_it" {
  command = plan

  assert {
    condition     = output.events_dead_letter_queue_url == null && output.events_dead_letter_queue_arn == null && !contains(keys(output.function_arns), "events")
    error_message = "There is no events function unless it is asked for."
  }
}

run "outputs" {
  command = plan
  variables {
    events = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/default" }
  }

  assert {
    condition     = output.events_dead_letter_queue_url == "https://queue/dead" && output.events_dead_letter_queue_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:dead" && contains(keys(output.function_arns), "events")
    error_message = "The queue of what could not be sent, and the function."
  }
}

run "stream" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    name   = "events"
    stream = true
  }

  assert {
    condition     = aws_dynamodb_table.clients.stream_enabled && aws_dynamodb_table.clients.stream_view_type == "NEW_AND_OLD_IMAGES" && aws_dynamodb_table.notifications.stream_enabled != true
    error_message = "The clients table has a stream with the rows before and after, and no other table has one."
  }
}

run "no_stream" {
  command = plan
  module {
    source = "./modules/dynamodb"
  }
  variables {
    name = "events"
  }

  assert {
    condition     = aws_dynamodb_table.clients.stream_enabled != true && output.clients_stream_arn == null
    error_message = "Without events there is no stream."
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
      clients_stream_arn       = "arn:clients/stream/1"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
      subscriptions_table_name = "events-subscriptions"
      subscriptions_table_arn  = "arn:subscriptions"
    }
    queues = {
      dead_letter_queue_arn        = "arn:dead-letters"
      control_queue_arn            = "arn:control"
      control_queue_url            = "https://queue/control"
      fanout_queue_arn             = "arn:fanout"
      fanout_queue_url             = "https://queue/fanout"
      events_queue_arn             = "arn:events"
      events_queue_url             = "https://queue/events"
      events_dead_letter_queue_arn = "arn:events-dead-letters"
      kms_key_arn                  = "arn:key"
    }
    control         = { revocation_ttl = 3600 }
    events          = { event_bus_arn = "arn:bus", offline_after = 45, include_content = true }
    limits          = { connections_per_user = 5, on_excess = "close_oldest" }
    topics          = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }
    function_names  = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions", "events"] : key => "events-${key}" }
    function_arns   = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions", "events"] : key => "arn:events-${key}" }
    log_group_names = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions", "events"] : key => "/aws/lambda/events-${key}" }

    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "any"
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
      for statement in jsondecode(aws_iam_role_policy.this["events"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["events:PutEvents"], Resource = ["arn:bus"] },
      { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:clients/index/userId-index"] },
      { Effect = "Allow", Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = ["arn:clients"] },
      { Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:clients/stream/1"] },
      { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["arn:clients/stream/*"] },
      { Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["arn:events"] },
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:events-dead-letters"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:key"] },
    ]
    error_message = "The events function may do this and nothing else."
  }

  assert {
    condition = {
      for key in ["connect", "disconnect", "control", "poll"] : key => length([
        for statement in jsondecode(aws_iam_role_policy.this[key].policy).Statement : statement if contains(statement.Action, "dynamodb:UpdateItem")
      ])
    } == { connect = 1, disconnect = 1, control = 1, poll = 0 }
    error_message = "Those that end connections may note why."
  }

  assert {
    condition = {
      for key in ["connect", "disconnect", "control", "push", "fanout", "subscriptions", "poll"] : key => length([
        for statement in jsondecode(aws_iam_role_policy.this[key].policy).Statement : statement
        if contains(statement.Action, "sqs:SendMessage") && contains(statement.Resource, "arn:events")
      ])
    } == { connect = 0, disconnect = 0, control = 0, push = 1, fanout = 1, subscriptions = 0, poll = 0 }
    error_message = "Push and fanout may report by the queue of the events function."
  }

  assert {
    condition = jsonencode({
      for name, value in aws_lambda_function.this["events"].environment[0].variables : name => value if !contains(["DNS_SUFFIX", "LOG_LEVEL", "METRICS_NAME", "METRICS_NAMESPACE"], name)
      }) == jsonencode({
      CLIENTS_INDEX    = "userId-index"
      CLIENTS_TABLE    = "events-clients"
      EVENTS_QUEUE_URL = "https://queue/events"
      EVENT_BUS_ARN    = "arn:bus"
      EVENT_SOURCE     = "events"
      OFFLINE_AFTER    = "45"
    })
    error_message = "What the events function is passed."
  }

  assert {
    condition = {
      for key, function in aws_lambda_function.this : key => join(" ", sort([for name in keys(function.environment[0].variables) : name if startswith(name, "EVENTS")]))
      } == {
      connect       = "EVENTS"
      disconnect    = "EVENTS"
      control       = "EVENTS"
      poll          = ""
      push          = "EVENTS_INCLUDE_CONTENT EVENTS_QUEUE_URL"
      fanout        = "EVENTS_QUEUE_URL"
      subscriptions = ""
      events        = "EVENTS_QUEUE_URL"
    }
    error_message = "What the functions are passed for events."
  }
}

run "off" {
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
      subscriptions_table_name = "events-subscriptions"
      subscriptions_table_arn  = "arn:subscriptions"
    }
    queues = {
      dead_letter_queue_arn = "arn:dead-letters"
      control_queue_arn     = "arn:control"
      control_queue_url     = "https://queue/control"
      fanout_queue_arn      = "arn:fanout"
      fanout_queue_url      = "https://queue/fanout"
      kms_key_arn           = "arn:key"
    }
    control         = { revocation_ttl = 3600 }
    limits          = { connections_per_user = 5, on_excess = "close_oldest" }
    topics          = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }
    function_names  = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions"] : key => "events-${key}" }
    function_arns   = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions"] : key => "arn:events-${key}" }
    log_group_names = { for key in ["connect", "disconnect", "poll", "push", "control", "fanout", "subscriptions"] : key => "/aws/lambda/events-${key}" }

    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "any"
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
    condition = alltrue([
      for key, function in aws_lambda_function.this : length([for name in keys(function.environment[0].variables) : name if startswith(name, "EVENT")]) == 0
    ])
    error_message = "Without events no function is passed anything of them."
  }

  assert {
    condition = alltrue(flatten([
      for key in ["connect", "disconnect"] : [
        for statement in jsondecode(aws_iam_role_policy.this[key].policy).Statement : !contains(statement.Action, "dynamodb:UpdateItem")
      ]
    ]))
    error_message = "Without events nothing may be noted."
  }
}

run "queues" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    queue_names      = { control = "c", dead_letter = "d", fanout = "f", fanout_dead_letter = "fd", push = "p", push_dead_letter = "pd", events = "events", events_dead_letter = "events-dead-letters" }
    queue_arns       = { control = "arn:c", dead_letter = "arn:d", fanout = "arn:f", fanout_dead_letter = "arn:fd", push = "arn:p", push_dead_letter = "arn:pd", events = "arn:events", events_dead_letter = "arn:ed" }
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
    events = {
      function   = { name = "events-events", invocation_arn = "arn:events:live", timeout = 20 }
      stream_arn = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-clients/stream/2026-01-31T12:00:00.000"
    }
  }

  assert {
    condition = (
      aws_sqs_queue.events[0].visibility_timeout_seconds == 120
      && aws_sqs_queue.events[0].sqs_managed_sse_enabled
      && jsondecode(aws_sqs_queue.events[0].policy).Statement[*].Sid == ["RefuseWithoutTls"]
      && aws_sqs_queue.events_dead_letter[0].message_retention_seconds == 1209600
      && jsondecode(aws_sqs_queue_redrive_policy.events[0].redrive_policy).deadLetterTargetArn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
    )
    error_message = "A queue that admits no sender by its policy, and one for what failed."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.events[0].function_name == "arn:events:live"
      && aws_lambda_event_source_mapping.events[0].function_response_types == toset(["ReportBatchItemFailures"])
    )
    error_message = "The queue feeds the function, by its alias."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream[0].function_name == "arn:events:live"
      && aws_lambda_event_source_mapping.stream[0].event_source_arn == "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/events-clients/stream/2026-01-31T12:00:00.000"
      && aws_lambda_event_source_mapping.stream[0].starting_position == "TRIM_HORIZON"
      && aws_lambda_event_source_mapping.stream[0].bisect_batch_on_function_error
      && aws_lambda_event_source_mapping.stream[0].maximum_retry_attempts == 10
      && aws_lambda_event_source_mapping.stream[0].destination_config[0].on_failure[0].destination_arn == "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
      && toset([for filter in aws_lambda_event_source_mapping.stream[0].filter_criteria[0].filter : jsondecode(filter.pattern).eventName[0]]) == toset(["INSERT", "REMOVE"])
    )
    error_message = "The stream feeds the function with connections that are opened and closed; what fails is noted in the queue."
  }
}

run "no_queues" {
  command = plan
  module {
    source = "./modules/queues"
  }
  variables {
    queue_names      = { control = "c", dead_letter = "d", fanout = "f", fanout_dead_letter = "fd", push = "p", push_dead_letter = "pd" }
    queue_arns       = { control = "arn:c", dead_letter = "arn:d", fanout = "arn:f", fanout_dead_letter = "arn:fd", push = "arn:p", push_dead_letter = "arn:pd" }
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
  }

  assert {
    condition     = length(aws_sqs_queue.events) + length(aws_sqs_queue.events_dead_letter) + length(aws_lambda_event_source_mapping.events) + length(aws_lambda_event_source_mapping.stream) == 0
    error_message = "Without events there is no queue and no mapping."
  }
}

run "alarm" {
  command = plan
  variables {
    events = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/push" }
    alarms = {}
  }

  assert {
    condition     = contains(keys(output.alarm_arns), "events_dead_letters")
    error_message = "There is an alarm for events that could not be sent."
  }
}
