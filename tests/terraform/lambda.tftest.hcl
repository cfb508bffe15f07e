# The functions: what each may do (whole policies are compared, so that an action too many fails), its environment,
# and how it is set up.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_resource {
    target          = aws_cloudwatch_log_group.this["connect"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:connect" }
  }

  override_resource {
    target          = aws_cloudwatch_log_group.this["disconnect"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:disconnect" }
  }

  override_resource {
    target          = aws_cloudwatch_log_group.this["poll"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:poll" }
  }

  override_resource {
    target          = aws_cloudwatch_log_group.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:push" }
  }

  override_resource {
    target          = aws_cloudwatch_log_group.this["verify_jwt"]
    override_during = plan
    values          = { arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:verify-jwt" }
  }
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
    dead_letter_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters"
  }
  region            = "cn-north-1"
  dns_suffix        = "amazonaws.com.cn"
  alias_name        = "live"
  deployed_packages = ""
  function_names = {
    connect    = "events-connect"
    disconnect = "events-disconnect"
    poll       = "events-poll"
    push       = "events-push"
  }
  function_arns = {
    connect    = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-connect"
    disconnect = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-disconnect"
    poll       = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-poll"
    push       = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push"
    verify_jwt = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-verify-jwt"
  }
  log_group_names = {
    connect    = "/aws/lambda/events-connect"
    disconnect = "/aws/lambda/events-disconnect"
    poll       = "/aws/lambda/events-poll"
    push       = "/aws/lambda/events-push"
    verify_jwt = "/aws/lambda/events-verify-jwt"
  }

  # The root module's defaults.
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

run "by_default" {
  command = plan
  module {
    source = "./modules/lambda"
  }

  assert {
    condition = { for key, policy in aws_iam_role_policy.this : key => jsondecode(policy.policy) } == {
      connect = {
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:clients"] },
          { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:connect:*"] },
        ]
      }
      disconnect = {
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["dynamodb:DeleteItem"], Resource = ["arn:clients"] },
          { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:disconnect:*"] },
        ]
      }
      poll = {
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:notifications"] },
          { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:poll:*"] },
        ]
      }
      push = {
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["dynamodb:Query"], Resource = ["arn:clients/index/userId-index"] },
          { Effect = "Allow", Action = ["dynamodb:PutItem"], Resource = ["arn:notifications"] },
          { Effect = "Allow", Action = ["dynamodb:DeleteItem"], Resource = ["arn:clients"] },
          { Effect = "Allow", Action = ["execute-api:ManageConnections"], Resource = ["arn:api/live/DELETE/@connections/*", "arn:api/live/POST/@connections/*"] },
          { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters"] },
          { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:push:*"] },
        ]
      }
    }
    error_message = "Each function has exactly the permissions that it needs."
  }

  assert {
    condition = alltrue([
      for key, policy in aws_iam_role_policy.this : policy.name == "function" && policy.role == aws_iam_role.this[key].id
    ])
    error_message = "Each function's policy belongs to its own role."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.this : jsondecode(role.assume_role_policy) == {
        Version   = "2012-10-17"
        Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
      }
    ])
    error_message = "Only Lambda may assume a function's role."
  }

  assert {
    condition = { for key, role in aws_iam_role.this : key => role.name_prefix } == {
      connect = "events-connect-", disconnect = "events-disconnect-", poll = "events-poll-", push = "events-push-"
    }
    error_message = "Roles are named after their functions, with a suffix that keeps Regions apart."
  }

  assert {
    condition = jsonencode({ for key, function in aws_lambda_function.this : key => function.environment[0].variables }) == jsonencode({
      connect = {
        ALLOWED_ORIGINS   = "[]"
        ALLOW_ANONYMOUS   = "false"
        CLIENTS_TABLE     = "events-clients"
        DNS_SUFFIX        = "amazonaws.com.cn"
        LOG_LEVEL         = "INFO"
        METRICS_NAME      = "events"
        METRICS_NAMESPACE = "WebSocketPush"
        REVOCABLE         = "false"
      }
      disconnect = {
        CLIENTS_TABLE     = "events-clients"
        DNS_SUFFIX        = "amazonaws.com.cn"
        LOG_LEVEL         = "INFO"
        METRICS_NAME      = "events"
        METRICS_NAMESPACE = "WebSocketPush"
      }
      poll = {
        ALLOW_ANONYMOUS     = "false"
        CLIENTS_TABLE       = "events-clients"
        DNS_SUFFIX          = "amazonaws.com.cn"
        LOG_LEVEL           = "INFO"
        METRICS_NAME        = "events"
        METRICS_NAMESPACE   = "WebSocketPush"
        NOTIFICATIONS_TABLE = "events-notifications"
        KEEPALIVE_ACTION    = "poll"
        KEEPALIVE_SECONDS   = "240"
        MAX_FRAME_BYTES     = "32768"
        REVOCABLE           = "false"
      }
      push = {
        ALLOW_ANONYMOUS     = "false"
        CLIENTS_INDEX       = "userId-index"
        CLIENTS_TABLE       = "events-clients"
        CLIENT_PUSH         = "self"
        CONNECTIONS_URL     = "https://api.example/live"
        DNS_SUFFIX          = "amazonaws.com.cn"
        LOG_LEVEL           = "INFO"
        METRICS_NAME        = "events"
        METRICS_NAMESPACE   = "WebSocketPush"
        NOTIFICATIONS_TABLE = "events-notifications"
        NOTIFICATION_TTL    = "604800"
        MAX_FRAME_BYTES     = "32768"
        PERSIST_BY_DEFAULT  = "true"
        REVOCABLE           = "false"
      }
    })
    error_message = "Each function's environment has what it needs."
  }

  assert {
    condition = { for key, function in aws_lambda_function.this : key => {
      name         = function.function_name
      memory       = function.memory_size
      timeout      = function.timeout
      reserved     = function.reserved_concurrent_executions
      runtime      = function.runtime
      architecture = function.architectures
      tracing      = function.tracing_config[0].mode
      } } == {
      connect    = { name = "events-connect", memory = 256, timeout = 10, reserved = -1, runtime = "python3.13", architecture = tolist(["arm64"]), tracing = "PassThrough" }
      disconnect = { name = "events-disconnect", memory = 256, timeout = 10, reserved = -1, runtime = "python3.13", architecture = tolist(["arm64"]), tracing = "PassThrough" }
      poll       = { name = "events-poll", memory = 256, timeout = 10, reserved = -1, runtime = "python3.13", architecture = tolist(["arm64"]), tracing = "PassThrough" }
      push       = { name = "events-push", memory = 512, timeout = 30, reserved = -1, runtime = "python3.13", architecture = tolist(["arm64"]), tracing = "PassThrough" }
    }
    error_message = "The functions' defaults."
  }

  assert {
    condition = alltrue([
      for key, function in aws_lambda_function.this :
      function.handler == jsondecode(file("./lambda/packages.json"))[key].handler && function.role == aws_iam_role.this[key].arn
    ])
    error_message = "Each function runs its own entry point, as its own role."
  }

  assert {
    condition = alltrue([
      for key, function in aws_lambda_function.this :
      function.logging_config[0].log_format == "JSON"
      && function.logging_config[0].log_group == "/aws/lambda/events-${key}"
      && function.logging_config[0].application_log_level == "INFO"
      && function.logging_config[0].system_log_level == "INFO"
      && aws_cloudwatch_log_group.this[key].name == "/aws/lambda/events-${key}"
      && aws_cloudwatch_log_group.this[key].retention_in_days == 30
      && aws_cloudwatch_log_group.this[key].kms_key_id == null
    ])
    error_message = "Each function logs JSON to its own group, whose lines are kept for 30 days."
  }

  assert {
    condition = alltrue(flatten([
      for key in ["connect", "disconnect", "poll", "push"] : [
        aws_lambda_function.this[key].tags == tomap({ Name = "events-${key}" }),
        aws_iam_role.this[key].tags == tomap({ Name = "events-${key}" }),
        aws_cloudwatch_log_group.this[key].tags == tomap({ Name = "events-${key}" }),
      ]
    ]))
    error_message = "What takes tags is tagged with its name."
  }

  # A package: named after what it holds, and built again by whatever makes the provider read it again.
  assert {
    condition = alltrue([
      for key, package in terraform_data.package :
      { for name, value in package.triggers_replace : name => value if name != "deployed" } == {
        architecture  = "arm64"
        filename      = aws_lambda_function.this[key].filename
        function_name = "events-${key}"
        role_id       = "AROAMOCKED"
        runtime       = "python3.13"
        source_hash   = aws_lambda_function.this[key].source_code_hash
      }
    ])
    error_message = "Whatever updates or creates a function's code builds its package first."
  }

  assert {
    condition = alltrue([
      for key, function in aws_lambda_function.this :
      can(regex("/\\.terraform/websocket-push/${key}-[0-9a-f]{32}\\.zip$", function.filename)) && !startswith(function.filename, "/")
    ])
    error_message = "Packages lie in Terraform's own folder, under a relative name."
  }

  assert {
    condition = {
      for key, function in aws_lambda_function.this : key => function.source_code_hash
      } == {
      for key, package in jsondecode(file("./lambda/packages.json")) : key => base64sha256(join("", concat(
        ["format ${one(regex("(?m)^PACKAGE_FORMAT = ([0-9]+)$", file("./modules/lambda/build_package.py")))}\n"],
        [for source in sort(package.sources) : "${filesha256("./lambda/${source}")}  ${source}\n"],
      ))) if contains(keys(var.function_names), key)
    }
    error_message = "A function's hash is made of its sources and the package's format."
  }

  assert {
    condition = (
      output.push_function_name == "events-push"
      && output.push_timeout == 30
      && output.log_group_names == { for key, name in var.function_names : key => "/aws/lambda/${name}" }
      && output.role_arns == { for key, name in var.function_names : key => "arn:aws-cn:iam::123456789012:role/mocked" }
    )
    error_message = "The outputs name functions, log groups and roles."
  }
}

# --- How push is invoked besides synchronously

run "fed_by_a_queue" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    queues = { dead_letter_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters", push_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:push" }
    tags   = { team = "a" }
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["push"].policy).Statement : statement if anytrue([for action in statement.Action : startswith(action, "sqs:") || startswith(action, "kms:")])
      ] == [
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters"] },
      { Effect = "Allow", Action = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], Resource = ["arn:aws-cn:sqs:cn-north-1:123456789012:push"] },
    ]
    error_message = "Push may take messages from this queue and send to its dead-letter queue, and nothing else."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "disconnect", "poll"] : length(regexall("sqs:", aws_iam_role_policy.this[key].policy)) == 0
    ])
    error_message = "No other function has to do with queues."
  }
}

run "fed_by_an_encrypted_queue_in_large_batches" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    queues = {
      dead_letter_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters"
      push_queue_arn        = "arn:aws-cn:sqs:cn-north-1:123456789012:push"
      kms_key_arn           = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"
    }
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this["push"].policy).Statement : statement if contains(statement.Action, "kms:Decrypt")
    ] == [{ Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"] }]
    error_message = "Push may use the queues' key, and no other."
  }
}

run "anonymous_clients" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    allow_anonymous = true
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => [
        for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(statement.Action, "dynamodb:GetItem")
      ]
    } == { connect = [], disconnect = [], poll = [["arn:clients"]], push = [["arn:clients"]] }
    error_message = "If no authorizer identifies a connection, poll and push read its user from the clients table."
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => length(jsondecode(policy.policy).Statement)
    } == { connect = 2, disconnect = 2, poll = 3, push = 7 }
    error_message = "That is the only permission which anonymous clients add."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "poll", "push"] : aws_lambda_function.this[key].environment[0].variables.ALLOW_ANONYMOUS == "true"
    ])
    error_message = "The functions know that clients may be anonymous."
  }
}

run "anonymous_clients_that_cannot_push" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    allow_anonymous = true
    client_push     = "none"
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => length([
        for statement in jsondecode(policy.policy).Statement : statement if contains(statement.Action, "dynamodb:GetItem")
      ])
    } == { connect = 0, disconnect = 0, poll = 1, push = 0 }
    error_message = "Without client push, the push function has no connection to look up."
  }

  assert {
    condition     = aws_lambda_function.this["push"].environment[0].variables.CLIENT_PUSH == "none"
    error_message = "The push function knows that clients may not push."
  }
}

run "switches_the_other_way" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = {
      connect    = "a23456789-123456789-123456789-123456789-12345678-connect"
      disconnect = "a23456789-123456789-123456789-123456789-12345678-disconnect"
      poll       = "a23456789-123456789-123456789-123456789-12345678-poll"
      push       = "a23456789-123456789-123456789-123456789-12345678-push"
    }
    name               = "a23456789-123456789-123456789-123456789-12345678"
    client_push        = "any"
    persist_by_default = false
    notification_ttl   = 60
    keepalive          = { action = "ping" }
    max_frame_kb       = 128
    log_retention_days = 0
    tracing            = true
    tags               = { team = "a", Name = "mine" }
    functions = {
      connect = { memory_size = 128, timeout = 3, reserved_concurrency = 0, architecture = "x86_64", runtime = "python3.12" }
      push    = { reserved_concurrency = 7 }
    }
  }

  assert {
    condition = (
      aws_lambda_function.this["push"].environment[0].variables.CLIENT_PUSH == "any"
      && aws_lambda_function.this["push"].environment[0].variables.PERSIST_BY_DEFAULT == "false"
      && aws_lambda_function.this["push"].environment[0].variables.NOTIFICATION_TTL == "60"
    )
    error_message = "The push function has the caller's settings."
  }

  assert {
    condition = (
      aws_lambda_function.this["push"].environment[0].variables.MAX_FRAME_BYTES == "131072"
      && aws_lambda_function.this["poll"].environment[0].variables.MAX_FRAME_BYTES == "131072"
      && aws_lambda_function.this["poll"].environment[0].variables.KEEPALIVE_ACTION == "ping"
      && aws_lambda_function.this["poll"].environment[0].variables.KEEPALIVE_SECONDS == "300"
    )
    error_message = "Poll knows how clients keep their connections open, and both functions the largest message."
  }

  assert {
    condition = alltrue([
      for key, policy in aws_iam_role_policy.this : [
        for statement in jsondecode(policy.policy).Statement : statement if contains(statement.Resource, "*")
      ] == [{ Effect = "Allow", Action = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource = ["*"] }]
    ])
    error_message = "With tracing each function may write traces, which is all that is allowed on *."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.tracing_config[0].mode == "Active"])
    error_message = "With tracing each function samples its own traces."
  }

  assert {
    condition = (
      aws_lambda_function.this["connect"].memory_size == 128
      && aws_lambda_function.this["connect"].timeout == 3
      && aws_lambda_function.this["connect"].reserved_concurrent_executions == 0
      && aws_lambda_function.this["connect"].architectures == tolist(["x86_64"])
      && aws_lambda_function.this["connect"].runtime == "python3.12"
      && terraform_data.package["connect"].triggers_replace.architecture == "x86_64"
      && terraform_data.package["connect"].triggers_replace.runtime == "python3.12"
    )
    error_message = "A function takes the caller's settings."
  }

  assert {
    condition = (
      aws_lambda_function.this["push"].reserved_concurrent_executions == 7
      && aws_lambda_function.this["push"].memory_size == 512
      && aws_lambda_function.this["poll"].reserved_concurrent_executions == -1
      && aws_lambda_function.this["poll"].runtime == "python3.13"
    )
    error_message = "What the caller leaves out keeps its default."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "disconnect", "poll", "push"] :
      aws_cloudwatch_log_group.this[key].retention_in_days == 0
      && aws_cloudwatch_log_group.this[key].tags == var.tags
      && aws_lambda_function.this[key].tags == var.tags
      && aws_iam_role.this[key].tags == var.tags
    ])
    error_message = "Retention and tags are the caller's."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "disconnect", "poll", "push"] :
      length(aws_lambda_function.this[key].function_name) <= 64 && length(aws_iam_role.this[key].name_prefix) <= 38
    ])
    error_message = "The longest name stays within what Lambda and IAM take."
  }
}

# --- Tokens

run "tokens_of_an_issuer" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names  = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    allowed_origins = ["https://app.example.com", "http://localhost:3000"]
    jwt = {
      issuer                  = "https://issuer.example/pool"
      audience                = ["app", "other-app"]
      jwks_uri                = "https://issuer.example/pool/.well-known/jwks.json"
      user_id_claim           = "sub"
      leeway                  = 0
      jwks_cache_seconds      = 300
      allow_insecure_loopback = false
      additional_issuers      = []
    }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this["verify_jwt"].policy) == {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:verify-jwt:*"] },
      ]
    }
    error_message = "With published keys, the function needs nothing of AWS but its log."
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => length(jsondecode(policy.policy).Statement)
    } == { connect = 2, disconnect = 2, poll = 2, push = 6, verify_jwt = 1 }
    error_message = "The other functions need no more than without it; none asks the clients table who a connection is."
  }

  assert {
    condition = jsonencode(aws_lambda_function.this["verify_jwt"].environment[0].variables) == jsonencode({
      DNS_SUFFIX = "amazonaws.com.cn"
      JWT = jsonencode({
        issuer                = "https://issuer.example/pool"
        audience              = ["app", "other-app"]
        jwksUri               = "https://issuer.example/pool/.well-known/jwks.json"
        secretArn             = null
        algorithms            = ["RS256"]
        userIdClaim           = "sub"
        leeway                = 0
        jwksCacheSeconds      = 300
        allowInsecureLoopback = false
      })
      LOG_LEVEL         = "INFO"
      METRICS_NAME      = "events"
      METRICS_NAMESPACE = "WebSocketPush"
    })
    error_message = "The function's environment says which tokens are valid."
  }

  assert {
    condition = alltrue([
      for key in ["connect", "poll", "push"] : aws_lambda_function.this[key].environment[0].variables.ALLOW_ANONYMOUS == "false"
    ])
    error_message = "No client is accepted without a token."
  }

  assert {
    condition     = aws_lambda_function.this["connect"].environment[0].variables.ALLOWED_ORIGINS == "[\"https://app.example.com\",\"http://localhost:3000\"]"
    error_message = "The connect function has the allowed origins."
  }

  assert {
    condition = { for key in ["verify_jwt"] : key => {
      name         = aws_lambda_function.this[key].function_name
      handler      = aws_lambda_function.this[key].handler
      memory       = aws_lambda_function.this[key].memory_size
      timeout      = aws_lambda_function.this[key].timeout
      reserved     = aws_lambda_function.this[key].reserved_concurrent_executions
      runtime      = aws_lambda_function.this[key].runtime
      architecture = aws_lambda_function.this[key].architectures
      group        = aws_lambda_function.this[key].logging_config[0].log_group
      role         = aws_iam_role.this[key].name_prefix
      tags         = aws_lambda_function.this[key].tags
      } } == { verify_jwt = {
      name         = "events-verify-jwt"
      handler      = "websocket_push.handlers.verify_jwt.handler"
      memory       = 256
      timeout      = 10
      reserved     = -1
      runtime      = "python3.13"
      architecture = tolist(["arm64"])
      group        = "/aws/lambda/events-verify-jwt"
      role         = "events-verify-jwt-"
      tags         = tomap({ Name = "events-verify-jwt" })
    } }
    error_message = "The function is one like the others."
  }

  assert {
    condition = aws_lambda_function.this["verify_jwt"].source_code_hash == base64sha256(join("", concat(
      [
        "format ${one(regex("(?m)^PACKAGE_FORMAT = ([0-9]+)$", file("./modules/lambda/build_package.py")))}\n",
        "for python3.13 on arm64\n",
        "${filesha256("./lambda/requirements/verify-jwt.txt")}  requirements/verify-jwt.txt\n",
      ],
      [
        for source in sort(jsondecode(file("./lambda/packages.json")).verify_jwt.sources) :
        "${filesha256("./lambda/${source}")}  ${source}\n"
      ],
    )))
    error_message = "Its hash is made of its sources, its locked libraries, and where these run."
  }

  assert {
    condition = (
      output.log_group_names["verify_jwt"] == "/aws/lambda/events-verify-jwt"
      && keys(output.function_arns) == ["connect", "disconnect", "poll", "push", "verify_jwt"]
    )
    error_message = "The outputs list the function with the others."
  }
}

run "tokens_by_other_settings" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "a23456789-123456789-123456789-123456789-12345678-verify-jwt" })
    name           = "a23456789-123456789-123456789-123456789-12345678"
    jwt = {
      jwks_uri                = "http://127.0.0.1:8080/jwks.json"
      audience                = []
      token_use               = "id"
      typ                     = "JWT"
      algorithms              = ["ES256", "EdDSA"]
      user_id_claim           = "email"
      leeway                  = 5
      jwks_cache_seconds      = 60
      allow_insecure_loopback = true
      additional_issuers      = []
    }
    functions = { verify_jwt = { memory_size = 512, timeout = 5, runtime = "python3.11", architecture = "x86_64" } }
  }

  assert {
    condition = aws_lambda_function.this["verify_jwt"].environment[0].variables.JWT == jsonencode({
      issuer                = null
      audience              = []
      jwksUri               = "http://127.0.0.1:8080/jwks.json"
      secretArn             = null
      algorithms            = ["ES256", "EdDSA"]
      userIdClaim           = "email"
      tokenUse              = "id"
      typ                   = "JWT"
      leeway                = 5
      jwksCacheSeconds      = 60
      allowInsecureLoopback = true
    })
    error_message = "The function has the caller's settings."
  }

  assert {
    condition = (
      aws_lambda_function.this["verify_jwt"].memory_size == 512
      && aws_lambda_function.this["verify_jwt"].timeout == 5
      && aws_lambda_function.this["verify_jwt"].runtime == "python3.11"
      && aws_lambda_function.this["verify_jwt"].architectures == tolist(["x86_64"])
      && length(aws_lambda_function.this["verify_jwt"].function_name) <= 64
    )
    error_message = "The function takes the caller's settings."
  }

  assert {
    condition     = aws_lambda_function.this["verify_jwt"].source_code_hash != run.tokens_of_an_issuer.source_code_hashes["verify_jwt"]
    error_message = "Libraries for another Python or architecture are another package."
  }
}

run "tokens_of_several_issuers" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt = {
      issuer                  = "old"
      audience                = []
      secret_arn              = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"
      user_id_claim           = "sub"
      leeway                  = 0
      jwks_cache_seconds      = 300
      allow_insecure_loopback = false
      additional_issuers = [
        { issuer = "https://issuer.example/v2", audience = ["app"], jwks_uri = "https://issuer.example/keys", user_id_claim = "oid", token_use = "access", typ = "at+jwt" },
        { issuer = "third", audience = [], user_id_claim = "sub", secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3", secret_kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd", algorithms = ["HS512"] },
        { issuer = "fourth", audience = [], user_id_claim = "sub", secret_arn = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt" },
      ]
    }
  }

  assert {
    condition = aws_lambda_function.this["verify_jwt"].environment[0].variables.JWT == jsonencode({
      issuer                = "old"
      audience              = []
      jwksUri               = null
      secretArn             = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"
      algorithms            = ["HS256"]
      userIdClaim           = "sub"
      leeway                = 0
      jwksCacheSeconds      = 300
      allowInsecureLoopback = false
      additionalIssuers = [
        {
          issuer      = "https://issuer.example/v2"
          audience    = ["app"]
          jwksUri     = "https://issuer.example/keys"
          secretArn   = null
          algorithms  = ["RS256"]
          userIdClaim = "oid"
          tokenUse    = "access"
          typ         = "at+jwt"
        },
        {
          issuer      = "third"
          audience    = []
          jwksUri     = null
          secretArn   = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3"
          algorithms  = ["HS512"]
          userIdClaim = "sub"
        },
        {
          issuer      = "fourth"
          audience    = []
          jwksUri     = null
          secretArn   = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"
          algorithms  = ["HS256"]
          userIdClaim = "sub"
        },
      ]
    })
    error_message = "The function gets the settings of each issuer."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this["verify_jwt"].policy) == {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["ssm:GetParameter"], Resource = ["arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"] },
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3"] },
        { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"] },
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:verify-jwt:*"] },
      ]
    }
    error_message = "The function may read each secret, and nothing else."
  }
}

run "tokens_by_a_secret" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt            = { secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3", audience = [], user_id_claim = "sub", leeway = 0, jwks_cache_seconds = 300, allow_insecure_loopback = false, additional_issuers = [] }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this["verify_jwt"].policy) == {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3"] },
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:verify-jwt:*"] },
      ]
    }
    error_message = "The function may read this secret, and nothing else."
  }

  assert {
    condition = {
      for name, value in jsondecode(aws_lambda_function.this["verify_jwt"].environment[0].variables.JWT) : name => value
      if contains(["secretArn", "algorithms", "jwksUri"], name)
    } == { secretArn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:push-a1B2c3", algorithms = ["HS256"], jwksUri = null }
    error_message = "The function has the secret's ARN, and HS256 as the default algorithm."
  }
}

run "tokens_by_an_encrypted_parameter" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    tracing        = true
    jwt = {
      secret_arn              = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"
      secret_kms_key_arn      = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"
      algorithms              = ["HS512"]
      audience                = []
      user_id_claim           = "sub"
      leeway                  = 0
      jwks_cache_seconds      = 300
      allow_insecure_loopback = false
      additional_issuers      = []
    }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this["verify_jwt"].policy) == {
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = ["ssm:GetParameter"], Resource = ["arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push/jwt"] },
        { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"] },
        { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws-cn:logs:cn-north-1:123456789012:log-group:verify-jwt:*"] },
        { Effect = "Allow", Action = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource = ["*"] },
      ]
    }
    error_message = "The function may read this parameter and decrypt it with this key."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.this["verify_jwt"].environment[0].variables.JWT).algorithms == ["HS512"]
    error_message = "The caller's algorithms win over the default."
  }
}

# --- Keys, network, roles, variables, provisioned concurrency

run "nothing_of_these_by_default" {
  command = plan
  module {
    source = "./modules/lambda"
  }

  assert {
    condition = alltrue([for key, function in aws_lambda_function.this :
      length(function.vpc_config) == 0 && !function.publish && aws_iam_role.this[key].path == "/" && aws_iam_role.this[key].permissions_boundary == null
    ])
    error_message = "No network, no versions, no path, no boundary."
  }

  assert {
    condition = (
      length(aws_lambda_alias.this) == 0 && length(aws_lambda_provisioned_concurrency_config.this) == 0
      && output.aliases == {} && output.push_invocation_arn == aws_lambda_function.this["push"].arn
    )
    error_message = "No alias: the functions are invoked by themselves."
  }
}

run "keys_of_the_callers_own" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt            = { jwks_uri = "https://issuer.example/jwks.json", audience = [], user_id_claim = "sub", leeway = 0, jwks_cache_seconds = 300, allow_insecure_loopback = false, additional_issuers = [] }
    tables = {
      clients_table_name       = "events-clients"
      clients_table_arn        = "arn:clients"
      clients_index_name       = "userId-index"
      clients_index_arn        = "arn:clients/index/userId-index"
      notifications_table_name = "events-notifications"
      notifications_table_arn  = "arn:notifications"
      kms_key_arn              = "arn:aws-cn:kms:cn-north-1:123456789012:key/tables"
    }
    logs_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/logs"
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => [
        for statement in jsondecode(policy.policy).Statement : statement if can(regex("kms", jsonencode(statement)))
      ]
      } == {
      connect    = [{ Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/tables"], Condition = { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } } }]
      disconnect = [{ Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/tables"], Condition = { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } } }]
      poll       = [{ Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/tables"], Condition = { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } } }]
      push       = [{ Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"], Resource = ["arn:aws-cn:kms:cn-north-1:123456789012:key/tables"], Condition = { StringLike = { "kms:ViaService" = ["dynamodb.cn-north-1.*"] } } }]
      verify_jwt = []
    }
    error_message = "Who uses a table may use its key, through DynamoDB only, and no further than it uses the table."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == "arn:aws-cn:kms:cn-north-1:123456789012:key/logs"])
    error_message = "The caller's key encrypts the logs."
  }
}

run "in_a_vpc_of_the_callers_own" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt            = { jwks_uri = "https://issuer.example/jwks.json", audience = [], user_id_claim = "sub", leeway = 0, jwks_cache_seconds = 300, allow_insecure_loopback = false, additional_issuers = [] }
    tracing        = true
    vpc            = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = alltrue([for function in aws_lambda_function.this :
      function.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && function.vpc_config[0].security_group_ids == toset(["sg-1"])
    ])
    error_message = "Every function runs in the caller's subnets."
  }

  assert {
    condition = {
      for key, policy in aws_iam_role_policy.this : key => [
        for statement in jsondecode(policy.policy).Statement : statement if statement.Resource == ["*"]
      ]
      } == {
      for key, name in var.function_names : key => [
        { Effect = "Allow", Action = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource = ["*"] },
        {
          Effect   = "Allow"
          Action   = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
          Resource = ["*"]
        },
        {
          Effect    = "Deny"
          Action    = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
          Resource  = ["*"]
          Condition = { ArnEquals = { "lambda:SourceFunctionArn" = ["arn:aws-cn:lambda:cn-north-1:123456789012:function:${name}"] } }
        },
      ]
    }
    error_message = "Lambda may manage the network interfaces in the role's name, and the function's own code may not."
  }
}

run "roles_with_path_and_boundary" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    iam_roles = { path = "/push/", permissions_boundary_arn = "arn:aws-cn:iam::123456789012:policy/boundary" }
  }

  assert {
    condition = alltrue([for role in aws_iam_role.this :
      role.path == "/push/" && role.permissions_boundary == "arn:aws-cn:iam::123456789012:policy/boundary"
    ])
    error_message = "Every role is where the caller keeps roles, within the caller's bounds."
  }
}

run "variables_of_the_callers_own" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    functions = { poll = { environment = { AWS_ENDPOINT_URL_DYNAMODB = "https://vpce.example", EXTRA = "" } } }
  }

  assert {
    condition = (
      aws_lambda_function.this["poll"].environment[0].variables.AWS_ENDPOINT_URL_DYNAMODB == "https://vpce.example"
      && aws_lambda_function.this["poll"].environment[0].variables.EXTRA == ""
      && aws_lambda_function.this["poll"].environment[0].variables.CLIENTS_TABLE == "events-clients"
      && !contains(keys(aws_lambda_function.this["push"].environment[0].variables), "EXTRA")
    )
    error_message = "A function gets the caller's variables beside the module's, and no other function does."
  }
}

run "a_variable_that_the_module_sets_for_every_function" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    functions = { connect = { environment = { DNS_SUFFIX = "example.com" } } }
  }
  expect_failures = [aws_lambda_function.this["connect"]]
}

run "a_variable_that_the_module_sets_for_one_function" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    functions = { push = { environment = { CLIENT_PUSH = "any" } }, disconnect = { environment = { CLIENT_PUSH = "whatever" } } }
  }
  expect_failures = [aws_lambda_function.this["push"]]
}

run "an_environment_above_what_lambda_takes" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    functions = { poll = { environment = { A = join("", [for number in range(1000) : "xx"]), B = join("", [for number in range(1000) : "xx"]) } } }
  }
  expect_failures = [aws_lambda_function.this["poll"]]
}

run "origins_above_what_lambda_takes" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    allowed_origins = [for number in range(80) : "https://app-${number + 1000}.example.com"]
    functions       = { connect = { environment = { EXTRA = join("", [for number in range(900) : "xx"]) } } }
  }
  expect_failures = [aws_lambda_function.this["connect"]]
}

run "provisioned_concurrency" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt            = { jwks_uri = "https://issuer.example/jwks.json", audience = [], user_id_claim = "sub", leeway = 0, jwks_cache_seconds = 300, allow_insecure_loopback = false, additional_issuers = [] }
    queues = {
      dead_letter_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:events-dead-letters"
      push_queue_arn        = "arn:aws-cn:sqs:cn-north-1:123456789012:events-push"
    }
    functions = {
      push       = { provisioned_concurrency = 2, reserved_concurrency = 2 }
      verify_jwt = { provisioned_concurrency = 1 }
      poll       = { memory_size = 128 }
    }
  }

  override_resource {
    target          = aws_lambda_alias.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push:live" }
  }

  assert {
    condition     = { for key, function in aws_lambda_function.this : key => function.publish } == { connect = false, disconnect = false, poll = false, push = true, verify_jwt = true }
    error_message = "Only what has provisioned concurrency publishes versions."
  }

  assert {
    condition = { for key, alias in aws_lambda_alias.this : key => [alias.name, alias.function_name, alias.function_version == aws_lambda_function.this[key].version] } == {
      push       = ["live", "events-push", true]
      verify_jwt = ["live", "events-verify-jwt", true]
    }
    error_message = "Its alias points at the newest version."
  }

  assert {
    condition = { for key, kept in aws_lambda_provisioned_concurrency_config.this : key => [kept.function_name, kept.qualifier, kept.provisioned_concurrent_executions] } == {
      push       = ["events-push", "live", 2]
      verify_jwt = ["events-verify-jwt", "live", 1]
    }
    error_message = "As many environments as the caller says are kept for the alias."
  }

  assert {
    condition = (
      output.aliases == { push = "live", verify_jwt = "live" }
      && output.push_invocation_arn == "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push:live"
      && jsondecode(output.push_invoke_policy_json).Statement == [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push:live"] }]
    )
    error_message = "A backend invokes the alias, and may invoke nothing else."
  }
}

# --- Packages that were built elsewhere

run "prebuilt_packages" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    function_names = merge(var.function_names, { verify_jwt = "events-verify-jwt" })
    jwt            = { jwks_uri = "https://issuer.example/jwks.json", audience = [], user_id_claim = "sub", leeway = 0, jwks_cache_seconds = 300, allow_insecure_loopback = false, additional_issuers = [] }
    packages = {
      # Any file will do here, since nothing is deployed.
      connect    = { filename = "./lambda/packages.json" }
      push       = { filename = "somewhere/push.zip", source_code_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
      verify_jwt = { s3_bucket = "packages", s3_key = "verify-jwt.zip", s3_object_version = "v1" }
    }
  }

  assert {
    condition     = keys(terraform_data.package) == ["disconnect", "poll"]
    error_message = "What was built elsewhere is not built again."
  }

  assert {
    condition = jsonencode({ for key in ["connect", "push", "verify_jwt"] : key => [
      aws_lambda_function.this[key].filename, aws_lambda_function.this[key].s3_bucket, aws_lambda_function.this[key].s3_key, aws_lambda_function.this[key].s3_object_version,
      ] }) == jsonencode({
      connect    = ["./lambda/packages.json", null, null, null]
      push       = ["somewhere/push.zip", null, null, null]
      verify_jwt = [null, "packages", "verify-jwt.zip", "v1"]
    })
    error_message = "The functions take their packages from where they are."
  }

  assert {
    condition = (
      aws_lambda_function.this["connect"].source_code_hash == filebase64sha256("./lambda/packages.json")
      && aws_lambda_function.this["push"].source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    )
    error_message = "A package is known by its hash: the caller's, or that of the file."
  }

  assert {
    condition = (
      aws_lambda_function.this["poll"].source_code_hash == run.tokens_of_an_issuer.source_code_hashes["poll"]
      && can(regex("/\\.terraform/websocket-push/poll-[0-9a-f]{32}\\.zip$", aws_lambda_function.this["poll"].filename))
      && aws_lambda_function.this["verify_jwt"].handler == "websocket_push.handlers.verify_jwt.handler"
    )
    error_message = "The others are built, and all have their own entry points."
  }
}

run "a_prebuilt_package_of_a_function_that_is_not_there" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    packages = { verify_jwt = { filename = "no/such/file.zip" } }
  }

  assert {
    condition     = keys(aws_lambda_function.this) == ["connect", "disconnect", "poll", "push"]
    error_message = "Without jwt, its package is not looked at."
  }
}

run "prebuilt_packages_that_are_not_there" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    packages = {
      poll = { filename = "no/such/file.zip" }
      # A folder is no zip either.
      push = { filename = "./lambda" }
      # Known by its hash, it may be built by what runs apply.
      connect = { filename = "no/such/file.zip", source_code_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
    }
  }
  expect_failures = [aws_lambda_function.this["poll"], aws_lambda_function.this["push"]]
}

run "policy_for_a_backend" {
  command = plan
  module {
    source = "./modules/lambda"
  }

  override_resource {
    target          = aws_lambda_function.this["push"]
    override_during = plan
    values          = { arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push" }
  }

  assert {
    condition = jsondecode(output.push_invoke_policy_json) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push"] }]
    }
    error_message = "A backend may invoke the push function, and nothing else."
  }

  assert {
    condition     = output.function_arns["push"] == "arn:aws-cn:lambda:cn-north-1:123456789012:function:events-push" && output.function_arns["poll"] != output.function_arns["push"]
    error_message = "The ARNs are listed by function."
  }
}

# What the module refuses when it is used by itself. The root module's inputs are tested in tests/plans/inputs.

run "a_higher_log_level" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    log_level = "ERROR"
  }

  # A line that carries metrics has the level INFO.
  assert {
    condition = alltrue([
      for function in aws_lambda_function.this :
      function.environment[0].variables.LOG_LEVEL == "ERROR"
      && function.logging_config[0].application_log_level == "INFO"
      && function.logging_config[0].system_log_level == "WARN"
    ])
    error_message = "The functions log less, Lambda too, and metrics still pass."
  }
}

run "a_higher_log_level_without_metrics" {
  command = plan
  module {
    source = "./modules/lambda"
  }
  variables {
    log_level         = "WARN"
    metrics_namespace = ""
  }

  assert {
    condition = alltrue([
      for function in aws_lambda_function.this :
      function.environment[0].variables.LOG_LEVEL == "WARN"
      && function.environment[0].variables.METRICS_NAMESPACE == ""
      && function.logging_config[0].application_log_level == "WARN"
      && function.logging_config[0].system_log_level == "WARN"
    ])
    error_message = "Nothing below the level passes."
  }
}
