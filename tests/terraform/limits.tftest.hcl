# What clients may ask for, unless a deployment says otherwise.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  allow_anonymous = true
}

run "more_for_clients_than_for_a_route" {
  command = plan
  variables {
    throttling = { rate_limit = 100, client_rate_limit = 101 }
  }
  expect_failures = [var.throttling]
}

run "no_messages_of_clients" {
  command = plan
  variables {
    throttling = { client_rate_limit = 0 }
  }
  expect_failures = [var.throttling]
}

run "a_larger_burst_for_clients_than_for_a_route" {
  command = plan
  variables {
    throttling = { burst_limit = 100, client_burst_limit = 101 }
  }
  expect_failures = [var.throttling]
}

run "part_of_a_message_of_clients" {
  command = plan
  variables {
    throttling = { client_burst_limit = 1.5 }
  }
  expect_failures = [var.throttling]
}

run "the_least_for_clients" {
  command = plan
  variables {
    throttling = { rate_limit = 1, burst_limit = 1, client_rate_limit = 1, client_burst_limit = 1 }
  }
}
