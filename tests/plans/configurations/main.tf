# The module in every way that it can be called: what the policy test looks through.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = ">= 5.100"
      configuration_aliases = [aws.elsewhere]
    }
  }
}

locals {
  key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd"
}

module "trial" {
  source = "../../../"

  allow_anonymous = true
  client_push     = "self"
}

module "trial_without_client_push" {
  source = "../../../"

  allow_anonymous = true
  client_push     = "none"
  push_queue      = {}
}

module "tokens" {
  source = "../../../"

  jwt = { jwks_uri = "https://issuer.example/jwks.json" }
}

module "tokens_by_a_secret" {
  source = "../../../"

  jwt = {
    secret_arn         = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push"
    secret_kms_key_arn = local.key_arn
  }
}

module "topics" {
  source = "../../../"

  jwt    = { jwks_uri = "https://issuer.example/jwks.json", topics_claim = "scope" }
  topics = {}
}

module "control" {
  source = "../../../"

  jwt     = { jwks_uri = "https://issuer.example/jwks.json" }
  control = {}
}

module "authorizer" {
  source = "../../../"

  authorizer = {
    function_name = "mine"
    function_arn  = "arn:aws-cn:lambda:cn-north-1:123456789012:function:mine"
  }
}

# Twice in an account, and with everything that can be turned on.
module "tenants" {
  source   = "../../../"
  for_each = toset(["first", "second"])

  name            = each.key
  jwt             = { jwks_uri = "https://issuer.example/jwks.json", topics_claim = "topics" }
  allowed_origins = ["https://app.example"]
  client_push     = "any"
  control         = {}
  topics          = {}
  inbox           = {}
  tags            = { tenant = each.key }

  functions = {
    for function in ["connect", "control", "disconnect", "events", "fanout", "mark", "poll", "push", "subscriptions", "verify_jwt"] :
    function => { provisioned_concurrency = 1, environment = { EXTRA = "1" } }
  }

  access_logs   = { source_ip = true }
  custom_domain = { domain_name = "${each.key}.example.com", certificate_arn = "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1", hosted_zone_id = "Z1" }
  iam_roles     = { path = "/push/", permissions_boundary_arn = "arn:aws-cn:iam::123456789012:policy/boundary" }
  kms           = { tables_key_arn = local.key_arn, logs_key_arn = local.key_arn, queues_key_arn = local.key_arn }
  push_queue    = { source_arns = ["arn:aws-cn:sns:cn-north-1:123456789012:orders"] }
  limits        = { connections_per_user = 10, on_excess = "close_oldest", messages_per_second = 10 }
  events        = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/default" }
  alarms        = {}
  dashboard     = true
  table_billing = { mode = "PROVISIONED" }
  tracing       = true
  vpc           = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
}

module "elsewhere" {
  source    = "../../../"
  providers = { aws = aws.elsewhere }

  allow_anonymous = true
}
