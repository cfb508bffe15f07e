# Names, places and ARNs are decided here, once, and handed to the modules. Each module refers only to modules before it.
locals {
  function_keys = concat(
    ["connect", "disconnect", "poll", "push"],
    local.given.control ? ["control"] : [],
    local.given.inbox ? ["mark"] : [],
    local.given.topics ? ["fanout", "subscriptions"] : [],
    local.given.events ? ["events"] : [],
    local.given.jwt ? ["verify_jwt"] : [],
  )

  # The functions that clients reach by a route.
  routed_keys = concat(
    ["connect", "disconnect", "poll", "push"],
    local.given.inbox ? ["mark"] : [],
    local.given.topics ? ["subscriptions"] : [],
  )

  function_names = { for key in local.function_keys : key => "${var.name}-${replace(key, "_", "-")}" }

  table_names = {
    clients       = "${var.name}-clients"
    notifications = "${var.name}-notifications"
    subscriptions = "${var.name}-subscriptions"
  }

  log_group_names = { for key, name in local.function_names : key => "/aws/lambda/${name}" }

  queue_names = {
    control            = "${var.name}-control"
    dead_letter        = "${var.name}-dead-letters"
    events             = "${var.name}-events"
    events_dead_letter = "${var.name}-events-dead-letters"
    fanout             = "${var.name}-fanout"
    fanout_dead_letter = "${var.name}-fanout-dead-letters"
    push               = "${var.name}-push"
    push_dead_letter   = "${var.name}-push-dead-letters"
  }

  # On demand nothing looks at these.
  table_billing = merge({
    for name in ["clients", "clients_index", "notifications", "subscriptions"] : name => {
      read_capacity      = try(coalesce(var.table_billing[name].read_capacity), local.default_capacity)
      read_capacity_max  = try(var.table_billing[name].read_capacity_max, null)
      write_capacity     = try(coalesce(var.table_billing[name].write_capacity), local.default_capacity)
      write_capacity_max = try(var.table_billing[name].write_capacity_max, null)
    }
    }, {
    mode               = var.table_billing.mode
    target_utilization = coalesce(var.table_billing.target_utilization, 70)
  })

  # Partition, Region and account come from the API's ARN. A data source would be read again during apply whenever the
  # module is called with depends_on, and every function that holds its result would be updated.
  here = provider::aws::arn_parse(module.api.execution_arn)

  # The last part of AWS host names in this partition: amazonaws.com, amazonaws.com.cn and so on.
  dns_suffix = try(regex("\\.execute-api\\.[^.:/]+\\.([^:/]+)", module.api.endpoint)[0], "amazonaws.com")

  # What is left out is the account's quota, unless raised: a limit above it might be refused. Each limit is decided by
  # itself, so that one that is given is known in the plan whatever the Region is.
  quota = contains(local.regions_with_smaller_quota, local.here.region) ? local.smaller_quota : local.default_quota

  rate_limit  = coalesce(var.throttling.rate_limit, local.quota.rate_limit)
  burst_limit = coalesce(var.throttling.burst_limit, local.quota.burst_limit)

  # Clients have half of it for each of their routes: deliveries share the account's quota with them.
  throttling = {
    rate_limit         = local.rate_limit
    burst_limit        = local.burst_limit
    client_rate_limit  = coalesce(var.throttling.client_rate_limit, max(1, min(local.rate_limit, local.quota.rate_limit) / 2))
    client_burst_limit = coalesce(var.throttling.client_burst_limit, max(1, floor(min(local.burst_limit, local.quota.burst_limit) / 2)))
  }

  # Broadcasts have half of it, which leaves the rest to other pushes.
  topics = !local.given.topics ? null : merge(var.topics, {
    broadcast_rate = coalesce(var.topics.broadcast_rate, local.quota.rate_limit / 2)
  })

  function_arns = {
    for key, name in local.function_names : key => provider::aws::arn_build(
      local.here.partition, "lambda", local.here.region, local.here.account_id, "function:${name}",
    )
  }

  queue_arns = {
    for key, name in local.queue_names : key => provider::aws::arn_build(
      local.here.partition, "sqs", local.here.region, local.here.account_id, name,
    )
  }

  # A function with provisioned concurrency is invoked by an alias.
  alias_name = "live"
  invoked_arns = {
    for key, arn in local.function_arns : key => local.given.provisioned_concurrency[key] ? "${arn}:${local.alias_name}" : arn
  }

  authorizer_arn = local.given.jwt ? local.invoked_arns["verify_jwt"] : try(provider::aws::arn_build(
    local.here.partition, "lambda", local.here.region, local.here.account_id, "function:${var.authorizer.function_name}",
  ), null)

  # ws:// to http:// and wss:// to https://: the scheme is the only difference between the two addresses.
  connections_url = (
    local.given.posts_by_domain
    ? "https://${join("/", [for part in [var.custom_domain.domain_name, var.custom_domain.mapping_key] : part if part != null])}"
    : "${replace(module.api.endpoint, "/^ws/", "http")}/${var.stage_name}"
  )
}

module "api" {
  source = "./modules/api"

  name = var.name
  tags = var.tags
}

module "dynamodb" {
  source = "./modules/dynamodb"

  name                   = var.name
  region                 = local.provider_region
  table_names            = local.table_names
  topics                 = local.given.topics
  stream                 = local.given.events
  deletion_protection    = var.deletion_protection
  point_in_time_recovery = var.point_in_time_recovery
  kms_key_arn            = var.kms.tables_key_arn
  billing                = local.table_billing
  tags                   = var.tags
}

module "lambda" {
  source = "./modules/lambda"

  name               = var.name
  region             = local.here.region
  dns_suffix         = local.dns_suffix
  function_names     = local.function_names
  function_arns      = local.function_arns
  log_group_names    = local.log_group_names
  alias_name         = local.alias_name
  jwt                = var.jwt
  allow_anonymous    = var.allow_anonymous
  allowed_origins    = var.allowed_origins
  client_push        = var.client_push
  persist_by_default = var.persist_by_default
  notification_ttl   = var.notification_ttl
  keepalive          = var.keepalive
  max_frame_kb       = var.max_frame_kb
  control            = local.given.control ? var.control : null
  inbox              = local.given.inbox ? var.inbox : null
  topics             = local.topics
  limits             = var.limits
  events             = local.given.events ? var.events : null
  functions          = var.functions
  packages           = var.packages
  packages_folder    = var.packages_folder
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  metrics_namespace  = var.metrics_namespace
  logs_key_arn       = var.kms.logs_key_arn
  tracing            = var.tracing
  vpc                = var.vpc
  iam_roles          = var.iam_roles
  deployed_packages  = module.dynamodb.deployed_packages
  tags               = var.tags

  tables = {
    kms_key_arn              = var.kms.tables_key_arn
    clients_table_name       = module.dynamodb.clients_table_name
    clients_table_arn        = module.dynamodb.clients_table_arn
    clients_index_name       = module.dynamodb.clients_index_name
    clients_index_arn        = module.dynamodb.clients_index_arn
    clients_stream_arn       = module.dynamodb.clients_stream_arn
    notifications_table_name = module.dynamodb.notifications_table_name
    notifications_table_arn  = module.dynamodb.notifications_table_arn
    subscriptions_table_name = module.dynamodb.subscriptions_table_name
    subscriptions_table_arn  = module.dynamodb.subscriptions_table_arn
  }

  # By ARNs that are known before the queues exist: SQS takes half a minute for each, and no function waits for them.
  queues = {
    dead_letter_queue_arn        = local.queue_arns.dead_letter
    push_queue_arn               = local.given.push_queue ? local.queue_arns.push : null
    control_queue_arn            = local.given.control ? local.queue_arns.control : null
    control_queue_url            = local.given.control ? "https://sqs.${local.here.region}.${local.dns_suffix}/${local.here.account_id}/${local.queue_names.control}" : null
    fanout_queue_arn             = local.given.topics ? local.queue_arns.fanout : null
    fanout_queue_url             = local.given.topics ? "https://sqs.${local.here.region}.${local.dns_suffix}/${local.here.account_id}/${local.queue_names.fanout}" : null
    events_queue_arn             = local.given.events ? local.queue_arns.events : null
    events_queue_url             = local.given.events ? "https://sqs.${local.here.region}.${local.dns_suffix}/${local.here.account_id}/${local.queue_names.events}" : null
    events_dead_letter_queue_arn = local.given.events ? local.queue_arns.events_dead_letter : null
    kms_key_arn                  = var.kms.queues_key_arn
  }

  api = {
    execution_arn   = module.api.execution_arn
    stage_name      = var.stage_name
    connections_url = local.connections_url
    posts_by_domain = local.given.posts_by_domain
  }
}

module "queues" {
  source = "./modules/queues"

  queue_names      = local.queue_names
  queue_arns       = local.queue_arns
  push_queue       = var.push_queue
  async_invocation = var.async_invocation
  kms_key_arn      = var.kms.queues_key_arn
  tags             = var.tags

  push_function = {
    name           = local.function_names["push"]
    arn            = module.lambda.function_arns["push"]
    alias          = lookup(module.lambda.aliases, "push", null)
    invocation_arn = module.lambda.push_invocation_arn
    timeout        = module.lambda.push_timeout
  }

  control_function = !local.given.control ? null : {
    name           = local.function_names["control"]
    invocation_arn = module.lambda.control_invocation_arn
    timeout        = module.lambda.control_timeout
  }

  events = !local.given.events ? null : {
    function = {
      name           = local.function_names["events"]
      invocation_arn = module.lambda.events_invocation_arn
      timeout        = module.lambda.events_timeout
    }
    stream_arn = module.dynamodb.clients_stream_arn
  }

  fan_out = !local.given.topics ? null : {
    function = {
      name           = local.function_names["fanout"]
      invocation_arn = module.lambda.fanout_invocation_arn
      timeout        = module.lambda.fanout_timeout
    }
    workers = var.topics.workers
  }

  # Not before the tables, of which AWS refuses a second of a name: where the name is in use, SQS would hand out the other
  # deployment's queues, and to destroy what was made would destroy them.
  depends_on = [module.dynamodb]
}

module "websocket_api" {
  source = "./modules/websocket-api"

  name        = var.name
  stage_name  = var.stage_name
  client_push = var.client_push
  inbox       = local.given.inbox
  topics      = local.given.topics
  throttling  = local.throttling
  tags        = var.tags

  api = {
    id                         = module.api.id
    account_id                 = local.here.account_id
    endpoint                   = module.api.endpoint
    execution_arn              = module.api.execution_arn
    route_selection_expression = module.api.route_selection_expression
  }

  access_logs = local.given.access_logs ? {
    retention_days = var.access_logs.retention_days == null ? var.log_retention_days : var.access_logs.retention_days
    source_ip      = var.access_logs.source_ip
  } : null
  logs_key_arn  = var.kms.logs_key_arn
  custom_domain = var.custom_domain

  # What the integrations and the authorizer invoke. These are made of names, not taken from functions: the deployment is
  # created before its predecessor is destroyed, Terraform treats all that it depends on alike, and no function can be
  # created beside another of its name.
  invocation_uris = {
    for key, arn in merge(
      { for key in local.routed_keys : key => local.invoked_arns[key] },
      local.given.authorizer ? { authorizer = local.authorizer_arn } : {},
    ) : key => "arn:${local.here.partition}:apigateway:${local.here.region}:lambda:path/2015-03-31/functions/${arn}/invocations"
  }

  # What API Gateway is permitted to invoke, once it exists.
  function_arns = merge(
    { for key in local.routed_keys : key => module.lambda.function_arns[key] },
    local.given.authorizer ? { authorizer = local.given.jwt ? module.lambda.function_arns["verify_jwt"] : var.authorizer.function_arn } : {},
  )
  function_aliases = merge(module.lambda.aliases, {
    for key, alias in module.lambda.aliases : "authorizer" => alias if key == "verify_jwt"
  })
}

# It looks at the others by their names, so it waits for none of them but the tables, and none of them for it.
module "monitoring" {
  source = "./modules/monitoring"

  name                  = var.name
  region                = local.here.region
  metrics_namespace     = var.metrics_namespace
  function_names        = local.function_names
  log_group_names       = local.log_group_names
  push_function_timeout = module.lambda.push_timeout
  alarms                = var.alarms
  dashboard             = var.dashboard
  tags                  = var.tags

  api = {
    id         = module.api.id
    stage_name = var.stage_name
  }

  queues = {
    dead_letter_queue_name            = local.queue_names.dead_letter
    push_queue_name                   = local.given.push_queue ? local.queue_names.push : null
    push_queue_dead_letter_queue_name = local.given.push_queue ? local.queue_names.push_dead_letter : null
    fanout_queue_name                 = local.given.topics ? local.queue_names.fanout : null
    events_dead_letter_queue_name     = local.given.events ? local.queue_names.events_dead_letter : null
    fanout_dead_letter_queue_name     = local.given.topics ? local.queue_names.fanout_dead_letter : null
  }

  # As for the queues: alarms and a dashboard of the name would be overwritten.
  depends_on = [module.dynamodb]
}

# Destroyed first, because it depends on everything else.
module "protection" {
  source = "./modules/protection"

  enabled = var.deletion_protection
  topics  = local.given.topics

  depends_on = [
    module.api,
    module.dynamodb,
    module.lambda,
    module.monitoring,
    module.queues,
    module.websocket_api,
  ]
}

# Addresses of earlier versions.
moved {
  from = module.websocket_api.aws_apigatewayv2_api.this
  to   = module.api.aws_apigatewayv2_api.this
}

moved {
  from = module.lambda.aws_lambda_event_source_mapping.push
  to   = module.queues.aws_lambda_event_source_mapping.push
}

moved {
  from = module.lambda.aws_lambda_function_event_invoke_config.push
  to   = module.queues.aws_lambda_function_event_invoke_config.push
}

moved {
  from = module.lambda.aws_lambda_function_event_invoke_config.push_alias
  to   = module.queues.aws_lambda_function_event_invoke_config.push_alias
}
