# The description, environment and IAM statements of each function. A function has nothing that is not listed here.
locals {
  function_keys = keys(var.function_names)

  defaults = {
    memory_size          = 256
    timeout              = 10
    reserved_concurrency = null
    architecture         = "arm64"
    runtime              = "python3.13"
  }

  common_environment = {
    # The suffix of AWS host names in this partition: amazonaws.com, amazonaws.com.cn and so on.
    DNS_SUFFIX        = var.dns_suffix
    LOG_LEVEL         = var.log_level
    METRICS_NAME      = var.name
    METRICS_NAMESPACE = var.metrics_namespace
  }

  # An anonymous connection has no authorizer context, so its user is read from its row.
  read_connection = {
    Effect   = "Allow"
    Action   = ["dynamodb:GetItem"]
    Resource = [var.tables.clients_table_arn]
  }

  # Whatever removes a connection removes its subscriptions.
  subscriptions_environment = var.topics == null ? {} : { SUBSCRIPTIONS_TABLE = var.tables.subscriptions_table_name }
  write_subscriptions = var.topics == null ? [] : [
    {
      Effect   = "Allow"
      Action   = ["dynamodb:BatchWriteItem"]
      Resource = [var.tables.subscriptions_table_arn]
    },
  ]

  read_subscriptions = var.topics == null ? [] : [
    {
      Effect   = "Allow"
      Action   = ["dynamodb:Query"]
      Resource = [var.tables.subscriptions_table_arn]
    },
  ]

  # With control, tokens are revoked by an item of the clients table, which is read before a connection or its message is
  # accepted.
  revocable = contains(keys(var.function_names), "control")

  # A value that is not known yet counts as set: length([abs(x)]) fails for null only.
  limits_connections = nonsensitive(can(length([abs(var.limits.connections_per_user)])))
  limits_messages    = nonsensitive(can(length([abs(var.limits.messages_per_second)])))
  closes_oldest      = local.limits_connections && try(nonsensitive(var.limits.on_excess == "close_oldest"), false)

  limit_environment = !local.limits_messages ? {} : {
    MESSAGES_PER_SECOND = tostring(var.limits.messages_per_second)
    MESSAGE_BURST       = tostring(var.limits.burst == null ? max(20, var.limits.messages_per_second) : var.limits.burst)
  }

  # With events, why a connection ends is noted in its row before that is removed.
  has_events       = contains(keys(var.function_names), "events")
  note_environment = local.has_events ? { EVENTS = "true" } : {}
  note_actions     = local.has_events ? ["dynamodb:UpdateItem"] : []
  report_events    = { for url in [var.queues.events_queue_url] : "EVENTS_QUEUE_URL" => url if url != null }

  manage_connections = {
    # The * stands for connection ids, which exist only while a client is connected.
    Effect = "Allow"
    Action = ["execute-api:ManageConnections"]
    Resource = [
      "${local.connections_arn}/DELETE/@connections/*",
      "${local.connections_arn}/POST/@connections/*",
    ]
  }

  # The state of a user's inbox is an item of the notifications table, and the count is made of the user's notifications.
  inbox_environment = {
    INBOX_TTL           = try(tostring(var.inbox.state_ttl), null)
    NOTIFICATIONS_TABLE = var.tables.notifications_table_name
  }
  change_inbox = {
    Effect   = "Allow"
    Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    Resource = [var.tables.notifications_table_arn]
  }

  max_frame_bytes = tostring(var.max_frame_kb * 1024)

  connections_arn = "${var.api.execution_arn}/${var.api.stage_name}"

  functions = {
    connect = {
      description = "Stores a new WebSocket connection"
      defaults    = local.defaults
      environment = merge(
        {
          ALLOWED_ORIGINS = jsonencode(var.allowed_origins)
          ALLOW_ANONYMOUS = tostring(var.allow_anonymous)
          CLIENTS_TABLE   = var.tables.clients_table_name
          REVOCABLE       = tostring(local.revocable)
        },
        !local.limits_connections ? {} : {
          CLIENTS_INDEX        = var.tables.clients_index_name
          CLOSE_OLDEST         = tostring(local.closes_oldest)
          CONNECTIONS_PER_USER = tostring(var.limits.connections_per_user)
        },
        !local.closes_oldest ? {} : merge({ CONNECTIONS_URL = var.api.connections_url }, local.subscriptions_environment, local.note_environment),
      )
      statements = concat(
        [
          {
            Effect = "Allow"
            Action = concat(
              local.revocable || local.closes_oldest ? ["dynamodb:DeleteItem"] : [],
              local.revocable ? ["dynamodb:GetItem"] : [],
              ["dynamodb:PutItem"],
              local.closes_oldest ? local.note_actions : [],
            )
            Resource = [var.tables.clients_table_arn]
          },
        ],
        !local.limits_connections ? [] : [
          {
            Effect   = "Allow"
            Action   = ["dynamodb:Query"]
            Resource = [var.tables.clients_index_arn]
          },
        ],
        !local.closes_oldest ? [] : concat([local.manage_connections], local.write_subscriptions),
      )
    }

    disconnect = {
      description = "Removes a closed WebSocket connection"
      defaults    = local.defaults
      environment = merge({ CLIENTS_TABLE = var.tables.clients_table_name }, local.subscriptions_environment, local.note_environment)
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = concat(["dynamodb:DeleteItem"], local.note_actions)
            Resource = [var.tables.clients_table_arn]
          },
        ],
        local.write_subscriptions,
      )
    }

    poll = {
      description = "Answers a client's history of notifications"
      defaults    = local.defaults
      environment = merge(
        {
          ALLOW_ANONYMOUS     = tostring(var.allow_anonymous)
          CLIENTS_TABLE       = var.tables.clients_table_name
          KEEPALIVE_ACTION    = var.keepalive.action
          KEEPALIVE_SECONDS   = tostring(coalesce(var.keepalive.seconds, var.keepalive.action == "ping" ? 300 : 240))
          MAX_FRAME_BYTES     = local.max_frame_bytes
          NOTIFICATIONS_TABLE = var.tables.notifications_table_name
          REVOCABLE           = tostring(local.revocable)
        },
        var.topics == null ? {} : { TOPICS = "true" },
        local.limit_environment,
        var.inbox == null ? {} : { INBOX = "true" },
      )
      statements = concat(
        [
          {
            Effect = "Allow"
            # What was marked as unread is counted by its ids.
            Action   = concat(var.inbox == null ? [] : ["dynamodb:BatchGetItem", "dynamodb:GetItem"], ["dynamodb:Query"])
            Resource = [var.tables.notifications_table_arn]
          },
        ],
        # The connection's topics are in its row, too.
        var.allow_anonymous || local.revocable || var.topics != null ? [local.read_connection] : [],
      )
    }

    push = {
      description = "Keeps a notification and sends it to every connection of its users"
      # Its response may wait for retries of many users' connections, and more memory means more CPU and network.
      defaults = merge(local.defaults, { memory_size = 512, timeout = 30 })
      environment = merge(
        {
          ALLOW_ANONYMOUS     = tostring(var.allow_anonymous)
          CLIENTS_INDEX       = var.tables.clients_index_name
          CLIENTS_TABLE       = var.tables.clients_table_name
          CLIENT_PUSH         = var.client_push
          CONNECTIONS_URL     = var.api.connections_url
          MAX_FRAME_BYTES     = local.max_frame_bytes
          NOTIFICATIONS_TABLE = var.tables.notifications_table_name
          NOTIFICATION_TTL    = tostring(var.notification_ttl)
          PERSIST_BY_DEFAULT  = tostring(var.persist_by_default)
          REVOCABLE           = tostring(local.revocable)
        },
        local.subscriptions_environment,
        var.topics == null ? {} : {
          FANOUT_QUEUE_URL      = var.queues.fanout_queue_url
          FANOUT_SEGMENTS       = tostring(var.topics.workers)
          IMMEDIATE_CONNECTIONS = tostring(var.topics.immediate_connections)
        },
        var.client_push == "none" ? {} : local.limit_environment,
        local.report_events,
        !local.has_events ? {} : { EVENTS_INCLUDE_CONTENT = tostring(var.events.include_content) },
        var.inbox == null ? {} : { INBOX = "true" },
      )
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = ["dynamodb:Query"]
            Resource = [var.tables.clients_index_arn]
          },
          {
            Effect = "Allow"
            # A notification that replaces another.
            Action   = concat(var.inbox == null ? [] : ["dynamodb:GetItem"], ["dynamodb:PutItem"], var.inbox == null ? [] : ["dynamodb:UpdateItem"])
            Resource = [var.tables.notifications_table_arn]
          },
          {
            Effect   = "Allow"
            Action   = ["dynamodb:DeleteItem"]
            Resource = [var.tables.clients_table_arn]
          },
          local.manage_connections,
        ],
        (var.allow_anonymous || local.revocable) && var.client_push != "none" ? [local.read_connection] : [],
        local.read_subscriptions,
        local.write_subscriptions,
        local.queue_statements.push,
      )
    }

    # Not created without control, which is then null.
    control = {
      description = "Lists connected users, disconnects them and revokes their tokens"
      defaults    = merge(local.defaults, { memory_size = 512, timeout = 30 })
      environment = merge(
        {
          CLIENTS_INDEX     = var.tables.clients_index_name
          CLIENTS_TABLE     = var.tables.clients_table_name
          CONNECTIONS_URL   = var.api.connections_url
          CONTROL_QUEUE_URL = var.queues.control_queue_url
          REVOCATION_TTL    = try(tostring(var.control.revocation_ttl), null)
        },
        local.subscriptions_environment,
        local.note_environment,
        var.inbox == null ? {} : local.inbox_environment,
      )
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = ["dynamodb:Query"]
            Resource = [var.tables.clients_index_arn]
          },
          {
            Effect   = "Allow"
            Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"]
            Resource = [var.tables.clients_table_arn]
          },
          local.manage_connections,
          {
            # It sends itself what to repeat, and Lambda receives that with its role.
            Effect   = "Allow"
            Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
            Resource = local.queue_arns["control_queue_arn"]
          },
        ],
        var.inbox == null ? [] : [local.change_inbox],
        local.write_subscriptions,
        local.queue_key_statements,
      )
    }

    # Not created without inbox, which is then null.
    mark = {
      description = "Stores what a user has seen and read, and sends it to the user's devices"
      defaults    = local.defaults
      environment = merge(
        {
          ALLOW_ANONYMOUS = tostring(var.allow_anonymous)
          CLIENTS_INDEX   = var.tables.clients_index_name
          CLIENTS_TABLE   = var.tables.clients_table_name
          CONNECTIONS_URL = var.api.connections_url
          REVOCABLE       = tostring(local.revocable)
        },
        local.inbox_environment,
        local.limit_environment,
      )
      statements = concat(
        [
          local.change_inbox,
          {
            Effect   = "Allow"
            Action   = ["dynamodb:Query"]
            Resource = [var.tables.clients_index_arn]
          },
          {
            Effect   = "Allow"
            Action   = ["execute-api:ManageConnections"]
            Resource = ["${local.connections_arn}/POST/@connections/*"]
          },
        ],
        var.allow_anonymous || local.revocable ? [local.read_connection] : [],
      )
    }

    # The next two are not created without topics, which is then null.
    fanout = {
      description = "Sends a notification to a segment of the connections of a topic, or of all connections"
      defaults    = merge(local.defaults, { memory_size = 512, timeout = 60 })
      environment = merge(
        {
          CLIENTS_TABLE    = var.tables.clients_table_name
          CONNECTIONS_URL  = var.api.connections_url
          FANOUT_QUEUE_URL = var.queues.fanout_queue_url
          # Each worker's share of the rate.
          POSTS_PER_SECOND = try(tostring(floor(var.topics.broadcast_rate / var.topics.workers)), null)
        },
        local.subscriptions_environment,
        local.report_events,
      )
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = ["dynamodb:DeleteItem", "dynamodb:Scan"]
            Resource = [var.tables.clients_table_arn]
          },
          local.manage_connections,
        ],
        local.read_subscriptions,
        local.write_subscriptions,
        local.queue_statements.fanout,
      )
    }

    subscriptions = {
      description = "Subscribes a connection to topics, and unsubscribes it"
      defaults    = local.defaults
      environment = merge(
        {
          ALLOW_ANONYMOUS           = tostring(var.allow_anonymous)
          CLIENTS_TABLE             = var.tables.clients_table_name
          MAX_TOPICS_PER_CONNECTION = try(tostring(var.topics.max_per_connection), null)
          REVOCABLE                 = tostring(local.revocable)
        },
        local.subscriptions_environment,
        local.limit_environment,
      )
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
            Resource = [var.tables.clients_table_arn]
          },
        ],
        local.write_subscriptions,
      )
    }

    # Not created without events, which is then null.
    events = {
      description = "Reports connections, users and undelivered notifications on an event bus"
      defaults    = merge(local.defaults, { timeout = 30 })
      environment = merge(
        {
          CLIENTS_INDEX = var.tables.clients_index_name
          CLIENTS_TABLE = var.tables.clients_table_name
          EVENT_BUS_ARN = try(var.events.event_bus_arn, null)
          EVENT_SOURCE  = var.name
          OFFLINE_AFTER = try(tostring(var.events.offline_after), null)
        },
        local.report_events,
      )
      statements = concat(
        [
          {
            Effect   = "Allow"
            Action   = ["events:PutEvents"]
            Resource = [try(var.events.event_bus_arn, null)]
          },
          {
            Effect   = "Allow"
            Action   = ["dynamodb:Query"]
            Resource = [var.tables.clients_index_arn]
          },
          {
            Effect   = "Allow"
            Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
            Resource = [var.tables.clients_table_arn]
          },
          {
            # Lambda reads the stream with its role.
            Effect   = "Allow"
            Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
            Resource = [for arn in [var.tables.clients_stream_arn] : arn if arn != null]
          },
          {
            # ListStreams is about a table, not about one stream. The * stands for the time at which a stream was enabled.
            Effect   = "Allow"
            Action   = ["dynamodb:ListStreams"]
            Resource = ["${var.tables.clients_table_arn}/stream/*"]
          },
        ],
        local.queue_statements.events,
      )
    }

    # Not created without jwt, whose settings are then null.
    verify_jwt = {
      description = "Lets in WebSocket connections that bring a valid token"
      defaults    = local.defaults
      environment = {
        JWT = jsonencode(merge(
          try(local.issuer_settings[0], {}),
          {
            leeway                = try(var.jwt.leeway, null)
            jwksCacheSeconds      = try(var.jwt.jwks_cache_seconds, null)
            allowInsecureLoopback = try(var.jwt.allow_insecure_loopback, null)
          },
          length(local.issuer_settings) > 1 ? { additionalIssuers = slice(local.issuer_settings, 1, length(local.issuer_settings)) } : {},
        ))
      }
      statements = concat(
        # A key set is public and read over the internet. A secret is read from its store.
        [
          for arn in distinct([for issuer in local.issuers : issuer.secret_arn if issuer.secret_arn != null]) : {
            Effect   = "Allow"
            Action   = [strcontains(arn, ":ssm:") ? "ssm:GetParameter" : "secretsmanager:GetSecretValue"]
            Resource = [arn]
          }
        ],
        # The AWS managed keys of the two services need no permission; a customer managed key does.
        [
          for arn in distinct([for issuer in local.issuers : issuer.secret_kms_key_arn if issuer.secret_kms_key_arn != null]) : {
            Effect   = "Allow"
            Action   = ["kms:Decrypt"]
            Resource = [arn]
          }
        ],
      )
    }
  }

  # The issuers whose tokens are valid: none without jwt. Members that are left out are not passed on.
  issuers = flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null])
  issuer_settings = [
    for issuer in local.issuers : merge(
      {
        issuer      = issuer.issuer
        audience    = issuer.audience
        jwksUri     = issuer.jwks_uri
        secretArn   = issuer.secret_arn
        algorithms  = coalesce(issuer.algorithms, issuer.secret_arn == null ? ["RS256"] : ["HS256"])
        userIdClaim = issuer.user_id_claim
      },
      { for name, value in { topicsClaim = issuer.topics_claim, tokenUse = issuer.token_use, typ = issuer.typ } : name => value if value != null },
    )
  ]

  # Defaults and the caller's settings. Each separately: an unknown value of one does not make the others unknown.
  settings = {
    for key in local.function_keys : key => {
      for setting, default in local.functions[key].defaults :
      setting => try(coalesce(var.functions[key][setting], default), default)
    }
  }
}
