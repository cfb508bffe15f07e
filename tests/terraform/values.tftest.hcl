# The smallest and the largest values that the inputs take: the whole module plans with them. What is refused beyond them is in
# tests/plans/inputs.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { partition = "aws", region = "eu-central-1" }
  }
}

run "defaults_need_only_the_word_on_anonymous_clients" {
  command = plan
  variables {
    allow_anonymous = true
  }
}

run "smallest_values_that_are_accepted" {
  command = plan
  variables {
    allow_anonymous    = true
    name               = "ab"
    tags               = { a = "" }
    notification_ttl   = 60
    keepalive          = { seconds = 30 }
    max_frame_kb       = 32
    stage_name         = "_"
    throttling         = { rate_limit = 1, burst_limit = 1 }
    log_retention_days = 0
    log_level          = "WARN"
    metrics_namespace  = ""
    async_invocation   = { maximum_event_age = 60, maximum_retry_attempts = 0 }
    push_queue         = { batch_size = 1, maximum_batching_window = 0, maximum_concurrency = 2, max_receive_count = 1 }
    functions = {
      connect    = { memory_size = 128, timeout = 1, reserved_concurrency = 0, architecture = "arm64", runtime = "python3.11" }
      disconnect = { runtime = "python3.12" }
      poll       = { runtime = "python3.13", provisioned_concurrency = 5, environment = null }
      push       = { provisioned_concurrency = 1, reserved_concurrency = 2, environment = { aB = "", AWS_ENDPOINT_URL = "https://vpce.example" } }
    }
  }
}

run "largest_values_that_are_accepted" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { partition = "aws-us-gov", region = "us-gov-west-1" }
  }

  variables {
    name = "a23456789-123456789-123456789-123456789-12345678"
    tags = { (join("", [for _ in range(128) : "k"])) = join("", [for _ in range(256) : "v"]) }
    jwt = {
      issuer             = "https://login.issuer.example:8443/tenant/v2.0/"
      audience           = [for number in range(100) : "audience-${number}"]
      jwks_uri           = "https://[2001:db8::1]:65535/keys?tenant=a&p=B2C_1_sign(in)~"
      algorithms         = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
      user_id_claim      = "https://app.example/claims/user"
      leeway             = 300
      jwks_cache_seconds = 86400
    }
    allowed_origins    = [for number in range(100) : "https://app-${number}.example"]
    notification_ttl   = 31536000
    keepalive          = { action = "ping", seconds = 540 }
    max_frame_kb       = 128
    stage_name         = join("", [for _ in range(128) : "s"])
    throttling         = { rate_limit = 50000.5, burst_limit = 25000 }
    log_retention_days = 3653
    client_push        = "any"
    functions = {
      connect    = { timeout = 29, architecture = "x86_64", runtime = "python3.13" }
      disconnect = { timeout = 29 }
      poll       = { timeout = 29 }
      push       = { memory_size = 10240, timeout = 900, reserved_concurrency = 1000 }
      verify_jwt = { timeout = 29 }
    }
    packages = {
      connect    = { s3_bucket = "packages", s3_key = "connect.zip" }
      disconnect = { s3_bucket = "packages", s3_key = "disconnect.zip", s3_object_version = "1" }
      poll       = { filename = "poll.zip", source_code_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
    }
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
    push_queue = {
      batch_size              = 1000
      maximum_batching_window = 300
      maximum_concurrency     = 1000
      max_receive_count       = 50
      source_arns             = ["arn:aws-us-gov:sns:us-gov-east-1:123456789012:orders", "arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/my-bus/orders"]
    }
    log_level         = "ERROR"
    metrics_namespace = "Team-1/push.events_2#x:y"
    dashboard         = true
    alarms = {
      sns_topic_arns = ["arn:aws-us-gov:sns:us-gov-west-1:123456789012:operations"]
      leave_out      = ["throttles", "push_queue_dead_letters"]
      thresholds     = { push_duration = 99.9, errors = 0, deliveries_failed = 1e6 }
    }
    table_billing = {
      mode               = "PROVISIONED"
      clients            = { read_capacity = 1, read_capacity_max = 1, write_capacity = 40000, write_capacity_max = 40000 }
      clients_index      = { read_capacity = 1 }
      notifications      = {}
      target_utilization = 90
    }
    point_in_time_recovery = false
    kms                    = { tables_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd", logs_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
    vpc                    = { subnet_ids = [for number in range(16) : "subnet-${number}"], security_group_ids = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5"] }
    iam_roles              = { path = "/teams/push/", permissions_boundary_arn = "arn:aws-us-gov:iam::123456789012:policy/teams/push" }
    access_logs            = { retention_days = 0, source_ip = true }
    custom_domain = {
      domain_name     = "xn--bcher-kva.a-1.push.example.com"
      certificate_arn = "arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      hosted_zone_id  = "Z0123456789ABCDEFGHIJ"
      mapping_key     = "v1.2_a-B"
    }
  }
  # A warning, which refuses nothing: the account's quota may have been raised.
  expect_failures = [check.throttling]
}

run "smallest_tokens_that_are_accepted" {
  command = plan
  variables {
    jwt = {
      issuer             = "i"
      audience           = ["a"]
      jwks_uri           = "https://i"
      algorithms         = ["EdDSA"]
      user_id_claim      = "u"
      leeway             = 0
      jwks_cache_seconds = 1
    }
    allowed_origins = ["self", "a://b", "https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://[::1]:3000", "chrome-extension://abcdef", "https://xn--bcher-kva.example"]
    functions       = { verify_jwt = { memory_size = 128, timeout = 1 } }
    packages        = { verify_jwt = { filename = "main.tf" } }
    client_push     = "none"
    keepalive       = { action = "poll", seconds = 240 }
    tags            = { for number in range(48) : "key-${number}" => "v" }
  }
}

run "several_issuers" {
  command = plan
  variables {
    jwt = {
      issuer    = "https://issuer.example/v1"
      jwks_uri  = "https://issuer.example/keys"
      token_use = "access"
      typ       = "JWT"
      additional_issuers = [
        { issuer = "https://issuer.example/v2", jwks_uri = "https://issuer.example/keys", token_use = "id", typ = "application/at+jwt" },
        { issuer = "old", secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push/jwt", algorithms = ["HS512"], audience = ["a"], user_id_claim = "email" },
      ]
    }
  }
}

run "a_smaller_quota_is_the_default_there" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { partition = "aws", region = "eu-south-2" }
  }

  override_resource {
    target          = module.api.aws_apigatewayv2_api.this
    override_during = plan
    values = {
      api_endpoint  = "wss://a1b2c3d4e5.execute-api.eu-south-2.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-south-2:123456789012:a1b2c3d4e5"
    }
  }

  variables {
    allow_anonymous = true
    throttling      = { burst_limit = 100 }
    topics          = {}
  }

  assert {
    condition     = local.throttling.rate_limit == 2500 && local.throttling.burst_limit == 100
    error_message = "Without a limit of its own the stage has the Region's quota, which no check warns of."
  }

  assert {
    condition     = local.topics.broadcast_rate == 1250
    error_message = "Without a rate of their own broadcasts have half of the Region's quota."
  }
}
