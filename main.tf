# The modules refer to one another, and not in a circle: the functions need the API and the stage's name, the
# permissions and the stage need the functions. So none of these calls may depend on another module as a whole.

module "dynamodb" {
  source = "./modules/dynamodb"

  name                   = var.name
  deletion_protection    = var.deletion_protection
  point_in_time_recovery = var.point_in_time_recovery
  kms_key_arn            = var.kms.tables_key_arn
  tags                   = var.tags

  # What is null takes the default of the module below.
  billing = { for setting, value in var.table_billing : setting => value if value != null }
}

locals {
  # The API's ARN says in which partition, Region and account everything is. Asking AWS who applies would take credentials
  # to plan.
  api_arn          = split(":", module.websocket_api.execution_arn)
  queue_arn_prefix = join(":", ["arn", local.api_arn[1], "sqs", local.api_arn[3], local.api_arn[4]])
}

module "queues" {
  source = "./modules/queues"

  name                  = var.name
  arn_prefix            = local.queue_arn_prefix
  push_function_timeout = module.lambda.planned_push_timeout
  push_queue            = var.push_queue
  kms_key_arn           = var.kms.queues_key_arn
  tags                  = var.tags
}

module "lambda" {
  source = "./modules/lambda"

  name               = var.name
  jwt                = var.jwt
  allow_anonymous    = var.allow_anonymous
  allowed_origins    = var.allowed_origins
  client_push        = var.client_push
  persist_by_default = var.persist_by_default
  notification_ttl   = var.notification_ttl
  keepalive          = var.keepalive
  max_frame_kb       = var.max_frame_kb
  functions          = var.functions
  packages           = var.packages
  log_retention_days = var.log_retention_days
  log_level          = var.log_level
  metrics_namespace  = var.metrics_namespace
  logs_key_arn       = var.kms.logs_key_arn
  tracing            = var.tracing
  vpc                = var.vpc
  iam_roles          = var.iam_roles
  tags               = var.tags

  tables = {
    kms_key_arn              = var.kms.tables_key_arn
    clients_table_name       = module.dynamodb.clients_table_name
    clients_table_arn        = module.dynamodb.clients_table_arn
    clients_index_name       = module.dynamodb.clients_index_name
    clients_index_arn        = module.dynamodb.clients_index_arn
    notifications_table_name = module.dynamodb.notifications_table_name
    notifications_table_arn  = module.dynamodb.notifications_table_arn
  }

  async_invocation = var.async_invocation
  push_queue       = var.push_queue

  # Two objects, so that the functions do not wait for the queues.
  queues = {
    dead_letter_queue_arn = module.queues.planned_dead_letter_queue_arn
    push_queue_arn        = module.queues.planned_push_queue_arn
  }
  created_queues = {
    dead_letter_queue_arn = module.queues.dead_letter_queue_arn
    push_queue_arn        = module.queues.push_queue_arn
    kms_key_arn           = var.kms.queues_key_arn
  }

  api = {
    execution_arn   = module.websocket_api.execution_arn
    stage_name      = module.websocket_api.stage_name
    connections_url = module.websocket_api.connections_url
  }
}

module "websocket_api" {
  source = "./modules/websocket-api"

  name        = var.name
  stage_name  = var.stage_name
  client_push = var.client_push
  throttling  = var.throttling
  tags        = var.tags

  access_logs = var.access_logs == null ? null : {
    retention_days = var.access_logs.retention_days == null ? var.log_retention_days : var.access_logs.retention_days
    source_ip      = var.access_logs.source_ip
  }
  logs_key_arn  = var.kms.logs_key_arn
  custom_domain = var.custom_domain

  # Two maps, so that what needs the names alone does not wait for the functions.
  function_names = merge(module.lambda.planned_function_names, {
    authorizer = var.jwt == null ? try(var.authorizer.function_name, null) : module.lambda.planned_function_names["verify_jwt"]
  })
  function_arns = merge(module.lambda.function_arns, {
    authorizer = var.jwt == null ? try(var.authorizer.function_arn, null) : module.lambda.function_arns["verify_jwt"]
  })

  # An alias of the function that verifies tokens is the authorizer's.
  function_aliases = merge(module.lambda.planned_aliases, {
    for key, alias in module.lambda.planned_aliases : "authorizer" => alias if key == "verify_jwt"
  })
  existing_aliases = merge(module.lambda.aliases, {
    for key, alias in module.lambda.aliases : "authorizer" => alias if key == "verify_jwt"
  })
}

# It looks at the others by their names, so it waits for none of them, and none of them for it.
module "monitoring" {
  source = "./modules/monitoring"

  name                  = var.name
  metrics_namespace     = var.metrics_namespace
  function_names        = module.lambda.planned_function_names
  log_group_names       = module.lambda.planned_log_group_names
  push_function_timeout = module.lambda.planned_push_timeout
  alarms                = var.alarms
  dashboard             = var.dashboard
  tags                  = var.tags

  api = {
    api_id        = module.websocket_api.api_id
    execution_arn = module.websocket_api.execution_arn
    stage_name    = module.websocket_api.stage_name
  }

  queues = {
    dead_letter_queue_name            = module.queues.dead_letter_queue_name
    push_queue_name                   = module.queues.push_queue_name
    push_queue_dead_letter_queue_name = module.queues.push_queue_dead_letter_queue_name
  }
}
