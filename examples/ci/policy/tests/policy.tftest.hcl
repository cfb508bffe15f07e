# A rule each. Change them to yours: a rule is a list in main.tf and an assertion here.

run "data_connections_and_url_stay" {
  command = plan

  assert {
    condition     = length(output.destroyed) == 0
    error_message = "To be destroyed or replaced: ${join(", ", output.destroyed)}."
  }
}

run "nothing_unexpected" {
  command = plan

  assert {
    condition     = length(output.unexpected) == 0
    error_message = "Not expected in this configuration: ${join(", ", output.unexpected)}."
  }
}

run "tables_are_protected" {
  command = plan

  assert {
    condition     = length(output.unprotected_tables) == 0
    error_message = "Without deletion protection, recovery or encryption: ${join(", ", output.unprotected_tables)}."
  }
}

run "least_privilege" {
  command = plan

  assert {
    condition     = length(output.wildcards) == 0
    error_message = "A wildcard in the actions or the resources of: ${join(", ", output.wildcards)}."
  }

  assert {
    condition     = length(output.open_permissions) == 0
    error_message = "Whoever may invoke is not said in: ${join(", ", output.open_permissions)}."
  }
}

run "logs_end" {
  command = plan

  assert {
    condition     = length(output.endless_logs) == 0
    error_message = "Kept for ever: ${join(", ", output.endless_logs)}."
  }
}

run "clients_are_authorized" {
  command = plan

  assert {
    condition     = length(output.open_to_anyone) == 0
    error_message = "Open to anyone: ${join(", ", output.open_to_anyone)}."
  }
}
