# Every input of the root module that can be wrong: what is refused, and that the values next to it are not.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  allow_anonymous = true
}

run "defaults_need_only_the_word_on_anonymous_clients" {
  command = plan
}

run "no_authorizer_and_no_word_on_anonymous_clients" {
  command = plan
  variables {
    allow_anonymous = false
  }
  expect_failures = [var.allow_anonymous]
}

run "smallest_values_that_are_accepted" {
  command = plan
  variables {
    name               = "ab"
    tags               = { a = "" }
    notification_ttl   = 60
    stage_name         = "_"
    throttling         = { rate_limit = 1, burst_limit = 1 }
    log_retention_days = 0
    functions = {
      connect    = { memory_size = 128, timeout = 1, reserved_concurrency = 0, architecture = "arm64", runtime = "python3.11" }
      disconnect = { runtime = "python3.12" }
      poll       = { runtime = "python3.13" }
      push       = {}
    }
  }
}

run "largest_values_that_are_accepted" {
  command = plan
  variables {
    name               = "a23456789-123456789-123456789-123456789-12345678"
    tags               = { (join("", [for _ in range(128) : "k"])) = join("", [for _ in range(256) : "v"]) }
    notification_ttl   = 31536000
    stage_name         = join("", [for _ in range(128) : "s"])
    throttling         = { rate_limit = 50000.5, burst_limit = 25000 }
    log_retention_days = 3653
    client_push        = "any"
    functions = {
      connect    = { timeout = 29, architecture = "x86_64", runtime = "python3.13" }
      disconnect = { timeout = 29 }
      poll       = { timeout = 29 }
      push       = { memory_size = 10240, timeout = 900, reserved_concurrency = 1000 }
    }
  }
}

run "other_values_that_are_accepted" {
  command = plan
  variables {
    client_push = "none"
    tags        = { for number in range(49) : "key-${number}" => "v" }
  }
}

# What is refused. Each run gives several inputs one fault each, and each of these inputs must be refused: Terraform plans
# once for all of them.

run "refused_1" {
  command = plan
  variables {
    name               = "a"                # too short
    tags               = { "" = "v" }       # a key of no characters
    client_push        = "all"              # no such choice
    notification_ttl   = 59                 # too short
    stage_name         = ""                 # empty
    throttling         = { rate_limit = 0 } # no messages
    log_retention_days = 31                 # CloudWatch takes no such number
    functions          = { pull = {} }      # no such function
  }
  expect_failures = [var.name, var.tags, var.client_push, var.notification_ttl, var.stage_name, var.throttling, var.log_retention_days, var.functions]
}

run "refused_2" {
  command = plan
  variables {
    name             = "a23456789-123456789-123456789-123456789-123456789" # too long
    tags             = { "AWS:team" = "a" }                                # a key that AWS keeps for itself
    notification_ttl = 31536001                                            # too long
    stage_name       = "$default"                                          # for HTTP APIs only
    throttling       = { burst_limit = 0 }                                 # no messages
    functions        = { push = null }                                     # no settings
  }
  expect_failures = [var.name, var.tags, var.notification_ttl, var.stage_name, var.throttling, var.functions]
}

run "refused_3" {
  command = plan
  variables {
    name             = "Push"                                            # a capital
    tags             = { (join("", [for _ in range(129) : "k"])) = "v" } # a key too long
    notification_ttl = 60.5                                              # a fraction
    stage_name       = join("", [for _ in range(129) : "s"])             # too long
    throttling       = { burst_limit = 1.5 }                             # a fraction
    functions        = { push = { memory_size = 127 } }                  # too small
  }
  expect_failures = [var.name, var.tags, var.notification_ttl, var.stage_name, var.throttling, var.functions]
}

run "refused_4" {
  command = plan
  variables {
    name      = "1push"                                         # begins with a digit
    tags      = { key = join("", [for _ in range(257) : "v"]) } # a value too long
    functions = { push = { memory_size = 10241 } }              # too large
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_5" {
  command = plan
  variables {
    name      = "push-"                            # ends with a hyphen
    tags      = { key = null }                     # no value
    functions = { push = { memory_size = 512.5 } } # a fraction
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_6" {
  command = plan
  variables {
    name      = "web_socket"                                         # an underscore
    tags      = { for number in range(50) : "key-${number}" => "v" } # too many
    functions = { push = { timeout = 0 } }                           # too short
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_7" {
  command = plan
  variables {
    functions = { push = { timeout = 901 } } # longer than Lambda runs
  }
  expect_failures = [var.functions]
}

run "refused_8" {
  command = plan
  variables {
    functions = { push = { timeout = 1.5 } } # a fraction
  }
  expect_failures = [var.functions]
}

run "refused_9" {
  command = plan
  variables {
    functions = { connect = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_10" {
  command = plan
  variables {
    functions = { disconnect = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_11" {
  command = plan
  variables {
    functions = { poll = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_12" {
  command = plan
  variables {
    functions = { push = { reserved_concurrency = -1 } } # negative
  }
  expect_failures = [var.functions]
}

run "refused_13" {
  command = plan
  variables {
    functions = { push = { reserved_concurrency = 0.5 } } # a fraction
  }
  expect_failures = [var.functions]
}

run "refused_14" {
  command = plan
  variables {
    functions = { push = { architecture = "amd64" } } # no such architecture
  }
  expect_failures = [var.functions]
}

run "refused_15" {
  command = plan
  variables {
    functions = { push = { runtime = "python3.10" } } # too old
  }
  expect_failures = [var.functions]
}

run "refused_16" {
  command = plan
  variables {
    functions = { push = { runtime = "nodejs22.x" } } # another language
  }
  expect_failures = [var.functions]
}
