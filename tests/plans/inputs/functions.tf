module "refused_7" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { timeout = 901 } } # longer than Lambda runs; refused: timeout in functions must be a whole
}

module "refused_8" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { timeout = 1.5 } } # a fraction; refused: timeout in functions must be a whole
}

module "refused_9" {
  source = "../../../"

  allow_anonymous = true
  functions       = { connect = { timeout = 30 } } # longer than API Gateway waits; refused: timeout in functions must be at most 29
}

module "refused_10" {
  source = "../../../"

  allow_anonymous = true
  functions       = { disconnect = { timeout = 30 } } # longer than API Gateway waits; refused: timeout in functions must be at most 29
}

module "refused_11" {
  source = "../../../"

  allow_anonymous = true
  functions       = { poll = { timeout = 30 } } # longer than API Gateway waits; refused: timeout in functions must be at most 29
}

module "refused_12" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { reserved_concurrency = -1 } } # negative; refused: reserved_concurrency in functions must be a
}

module "refused_13" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { reserved_concurrency = 0.5 } } # a fraction; refused: reserved_concurrency in functions must be a
}

module "refused_14" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { architecture = "amd64" } } # no such architecture; refused: architecture in functions must be "arm64"
}

module "refused_15" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { runtime = "python3.10" } } # too old; refused: runtime in functions must be "python3.11"
}

module "refused_16" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { runtime = "nodejs22.x" } } # another language; refused: runtime in functions must be "python3.11"
}

module "an_authorizer_that_api_gateway_does_not_wait_for" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
  functions       = { verify_jwt = { timeout = 30 } } # refused: timeout in functions must be at most 29
}

module "provisioned_concurrency_of_nothing" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { provisioned_concurrency = 0 } } # refused: provisioned_concurrency in functions must be a
}

module "provisioned_concurrency_in_parts" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { provisioned_concurrency = 1.5 } } # refused: provisioned_concurrency in functions must be a
}

module "provisioned_concurrency_beyond_the_reserved" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { provisioned_concurrency = 3, reserved_concurrency = 2 } } # refused: provisioned_concurrency in functions must not exceed
}

module "variable_of_lambda" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { environment = { AWS_REGION = "eu-central-1" } } } # refused: environment in functions must map names
}

module "variable_with_a_hyphen" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { environment = { no-name = "" } } } # refused: environment in functions must map names
}

module "variable_that_is_null" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { environment = { NAME = null } } } # refused: environment in functions must map names
}

module "settings_for_tokens_that_nobody_verifies" {
  source = "../../../"

  allow_anonymous = true
  functions       = { verify_jwt = { memory_size = 512 } } # refused: functions.verify_jwt has settings for
}

module "settings_of_a_function_that_is_not_there" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  functions       = { events = { timeout = 60 } } # refused: functions.events has settings for
}

module "inbox_settings_of_a_function_that_is_not_there" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  functions       = { mark = {} } # refused: functions.mark has settings for
}

module "a_timeout_that_nothing_waits_for" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  inbox           = {}
  functions       = { mark = { timeout = 30 } } # refused: timeout in functions must be at most 29
}

module "control_settings_of_a_function_that_is_not_there" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  functions       = { control = { timeout = 60 } } # refused: functions.control has settings for
}

module "a_timeout_that_nobody_waits_for" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = {}
  functions       = { subscriptions = { timeout = 30 } } # refused: timeout in functions must be at most 29
}

module "refused_too_short_a_worker" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = {}
  functions       = { fanout = { timeout = 9 } } # refused: functions.fanout.timeout must
}

module "settings_of_workers_that_are_not_there" {
  source = "../../../"

  allow_anonymous = true
  functions       = { fanout = { memory_size = 1024 } } # refused: functions.fanout and functions.subscriptions have
}

module "settings_of_subscriptions_that_are_not_there" {
  source = "../../../"

  allow_anonymous = true
  functions       = { subscriptions = {} } # refused: functions.fanout and functions.subscriptions have
}

module "less_concurrency_than_workers" {
  source = "../../../"

  allow_anonymous = true
  topics          = { workers = 3 }
  functions       = { fanout = { reserved_concurrency = 2 } } # refused: functions.fanout.reserved_concurrency must not be below
}

module "as_much_concurrency_as_workers" {
  source = "../../../"

  allow_anonymous = true
  topics          = { workers = 3 }
  functions       = { fanout = { reserved_concurrency = 3 } }
}

module "workers_that_are_stopped" {
  source = "../../../"

  allow_anonymous = true
  topics          = { workers = 3 }
  functions       = { fanout = { reserved_concurrency = 0 } }
}

module "settings_of_every_function_that_is_there" {
  source = "../../../"

  control   = {}
  inbox     = {}
  topics    = {}
  events    = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push" }
  jwt       = { jwks_uri = "https://issuer.example/jwks.json" }
  functions = { for key in ["connect", "disconnect", "poll", "push", "control", "mark", "fanout", "subscriptions", "events", "verify_jwt"] : key => { memory_size = 1024 } }
}

module "less_concurrency_than_the_queue_of_events" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push" }
  functions       = { events = { reserved_concurrency = 9 } } # refused: functions.events.reserved_concurrency must be
}

module "as_much_concurrency_as_the_queue_of_events" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push" }
  functions       = { events = { reserved_concurrency = 10 } }
}

module "events_that_are_stopped" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push" }
  functions       = { events = { reserved_concurrency = 0 } }
}

module "packages_in_no_folder" {
  source = "../../../"

  allow_anonymous = true
  packages_folder = "" # refused: packages_folder must be the path
}

module "packages_in_a_folder" {
  source = "../../../"

  allow_anonymous = true
  packages_folder = "dist"
}

module "a_function_that_there_is_not" {
  source = "../../../"

  allow_anonymous = true
  functions       = { pull = {} } # no such function; refused: functions has a key
}

module "a_function_that_is_null" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = null } # no settings; refused: A function in functions
}

module "too_little_memory" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { memory_size = 127 } } # too small; refused: memory_size in functions must be a
}
