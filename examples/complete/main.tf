# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {
  default_tags {
    tags = { project = "push" }
  }
}

locals {
  name = "push-complete"

  # Capacity units. The index writes as much as clients, and is read once for each user that is pushed to.
  provisioned = {
    mode               = "PROVISIONED"
    clients            = { read_capacity = 5, write_capacity = 10, write_capacity_max = 100 }
    clients_index      = { read_capacity = 50, write_capacity = 100 }
    notifications      = { read_capacity = 5, read_capacity_max = 50, write_capacity = 10, write_capacity_max = 100 }
    target_utilization = 60
  }

  # Cognito, Auth0 and most other issuers publish their keys there.
  jwks_uri = coalesce(var.jwks_uri, "${trimsuffix(var.issuer, "/")}/.well-known/jwks.json")
}

module "push" {
  source = "../../"

  name = local.name
  tags = { team = "notifications" }

  # Authorization: who may connect, and what clients may do.
  jwt = {
    issuer                  = var.issuer
    audience                = var.audience
    jwks_uri                = local.jwks_uri
    leeway                  = 5
    jwks_cache_seconds      = 600
    allow_insecure_loopback = var.allow_insecure_loopback
  }
  allowed_origins = var.allowed_origins
  client_push     = "any"
  throttling      = { rate_limit = 2000, burst_limit = 1000 }
  limits          = { connections_per_user = 5, on_excess = "close_oldest", messages_per_second = 2, burst = 20 }
  stage_name      = "v1"
  custom_domain   = var.custom_domain

  # What is kept, and for how long.
  persist_by_default     = true
  notification_ttl       = 30 * 24 * 60 * 60
  point_in_time_recovery = true
  table_billing          = { for setting, value in local.provisioned : setting => value if var.provisioned }

  # How the functions run. With keep_warm the two that clients and backends wait for have provisioned concurrency.
  functions = {
    push       = { memory_size = 1024, timeout = 60, provisioned_concurrency = var.keep_warm ? 2 : null, environment = { AWS_USE_DUALSTACK_ENDPOINT = "false" } }
    verify_jwt = { memory_size = 512, provisioned_concurrency = var.keep_warm ? 1 : null }
    poll       = { runtime = "python3.12", architecture = "x86_64" }
  }
  vpc = var.vpc
  iam_roles = {
    path                     = "/push/"
    permissions_boundary_arn = aws_iam_policy.boundary.arn
  }

  # Encryption keys, logs and metrics.
  kms = {
    tables_key_arn = aws_kms_key.push.arn
    logs_key_arn   = aws_kms_key.push.arn
    queues_key_arn = aws_kms_key.push.arn
  }
  log_retention_days = 90
  access_logs        = { retention_days = 30, source_ip = true }
  tracing            = true
  log_level          = "INFO"
  metrics_namespace  = "Push"
  alarms             = {}
  dashboard          = true

  # How backends push without waiting.
  push_queue       = { batch_size = 10, maximum_concurrency = 20 }
  async_invocation = { maximum_event_age = 3600 }

  # A trial: terraform destroy may delete the tables.
  deletion_protection = false

  # API Gateway refuses access logs until it has a role to write them; and a log group needs its key's policy.
  depends_on = [aws_api_gateway_account.this, aws_kms_key_policy.push]
}
