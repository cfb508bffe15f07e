# What clients may ask for, unless a deployment says otherwise.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  allow_anonymous = true
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
  api = {
    execution_arn   = "arn:api"
    stage_name      = "live"
    connections_url = "https://api.example/live"
  }
  queues            = { dead_letter_queue_arn = "arn:dead-letters" }
  region            = "eu-west-1"
  dns_suffix        = "amazonaws.com"
  alias_name        = "live"
  deployed_packages = ""
  function_names    = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "events-${key}" }
  function_arns     = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "arn:events-${key}" }
  log_group_names   = { for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => "/aws/lambda/events-${key}" }
}

run "the_least_for_clients" {
  command = plan
  variables {
    throttling = { rate_limit = 1, burst_limit = 1, client_rate_limit = 1, client_burst_limit = 1 }
  }
}

# Limits for each user and connection.

run "all_limits" {
  command = plan
  variables {
    limits = { connections_per_user = 1000, on_excess = "close_oldest", messages_per_second = 1000, burst = 10000 }
  }
}

run "what_is_not_limited" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name   = "events"
    limits = null
    topics = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }

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
      for statement in jsondecode(aws_iam_role_policy.this["connect"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:clients"] },
    ]
    error_message = "Without limits connect may write its row and nothing else."
  }

  assert {
    condition = jsonencode({
      for name, value in aws_lambda_function.this["connect"].environment[0].variables : name => value if !contains(["ALLOWED_ORIGINS", "ALLOW_ANONYMOUS", "CLIENTS_TABLE", "DNS_SUFFIX", "LOG_LEVEL", "METRICS_NAME", "METRICS_NAMESPACE", "REVOCABLE"], name)
    }) == jsonencode({})
    error_message = "Without limits connect is passed nothing of them."
  }

  assert {
    condition = {
      for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => join(" of ", compact([
        lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGES_PER_SECOND", ""), lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGE_BURST", ""),
      ]))
    } == { connect = "", disconnect = "", poll = "", push = "", subscriptions = "" }
    error_message = "Without limits no function counts messages."
  }
}

run "refusing_one_too_many" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name   = "events"
    limits = { connections_per_user = 5, on_excess = "refuse" }
    topics = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }

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
      for statement in jsondecode(aws_iam_role_policy.this["connect"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:clients"] },
      { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:clients/index/userId-index"] },
    ]
    error_message = "To count connections, connect may query the index and nothing else."
  }

  assert {
    condition = jsonencode({
      for name, value in aws_lambda_function.this["connect"].environment[0].variables : name => value if !contains(["ALLOWED_ORIGINS", "ALLOW_ANONYMOUS", "CLIENTS_TABLE", "DNS_SUFFIX", "LOG_LEVEL", "METRICS_NAME", "METRICS_NAMESPACE", "REVOCABLE"], name)
    }) == jsonencode({ CLIENTS_INDEX = "userId-index", CLOSE_OLDEST = "false", CONNECTIONS_PER_USER = "5" })
    error_message = "What connect is passed to refuse."
  }
}

run "closing_the_oldest" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name   = "events"
    limits = { connections_per_user = 5, on_excess = "close_oldest" }
    topics = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }

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
      for statement in jsondecode(aws_iam_role_policy.this["connect"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["dynamodb:DeleteItem", "dynamodb:PutItem"], Resource = ["arn:clients"] },
      { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:clients/index/userId-index"] },
      { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:api/live/DELETE/@connections/*", "arn:api/live/POST/@connections/*"] },
      { Effect = "Allow", Action = ["dynamodb:BatchWriteItem"], Resource = ["arn:subscriptions"] },
    ]
    error_message = "To close the oldest, connect may also close connections and remove what is kept of them."
  }

  assert {
    condition = jsonencode({
      for name, value in aws_lambda_function.this["connect"].environment[0].variables : name => value if !contains(["ALLOWED_ORIGINS", "ALLOW_ANONYMOUS", "CLIENTS_TABLE", "DNS_SUFFIX", "LOG_LEVEL", "METRICS_NAME", "METRICS_NAMESPACE", "REVOCABLE"], name)
      }) == jsonencode({
      CLIENTS_INDEX        = "userId-index"
      CLOSE_OLDEST         = "true"
      CONNECTIONS_PER_USER = "5"
      CONNECTIONS_URL      = "https://api.example/live"
      SUBSCRIPTIONS_TABLE  = "events-subscriptions"
    })
    error_message = "What connect is passed to close the oldest."
  }
}

run "counting_messages" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name   = "events"
    limits = { messages_per_second = 5 }
    topics = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }

    allow_anonymous    = false
    allowed_origins    = []
    client_push        = "self"
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
      for statement in jsondecode(aws_iam_role_policy.this["connect"].policy).Statement : statement if !contains(statement.Action, "logs:PutLogEvents")
      ] == [
      { Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:clients"] },
    ]
    error_message = "Messages are counted without any permission."
  }

  assert {
    condition = {
      for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => join(" of ", compact([
        lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGES_PER_SECOND", ""), lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGE_BURST", ""),
      ]))
    } == { connect = "", disconnect = "", poll = "5 of 20", push = "5 of 20", subscriptions = "5 of 20" }
    error_message = "Each function that answers messages counts them, with a burst of 20."
  }
}

run "counting_messages_where_clients_do_not_push" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    name   = "events"
    limits = { messages_per_second = 50 }
    topics = { max_per_connection = 20, immediate_connections = 500, broadcast_rate = 5000, workers = 2 }

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
    condition = {
      for key in ["connect", "disconnect", "poll", "push", "subscriptions"] : key => join(" of ", compact([
        lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGES_PER_SECOND", ""), lookup(aws_lambda_function.this[key].environment[0].variables, "MESSAGE_BURST", ""),
      ]))
    } == { connect = "", disconnect = "", poll = "50 of 50", push = "", subscriptions = "50 of 50" }
    error_message = "Push counts only where clients may push; a burst is at least what a second brings."
  }
}
