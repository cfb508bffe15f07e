# Which inputs are there. What decides how many there are of a resource must be known when planning and is shown in
# addresses, while an input's value may be sensitive, or known only after apply. So existence is settled here, apart from
# the value: length([trimspace(x)]) fails for null, and is 1 for everything else, also for what is not known yet.
locals {
  given = {
    jwt         = nonsensitive(var.jwt != null)
    authorizer  = nonsensitive(var.jwt != null || var.authorizer != null)
    control     = nonsensitive(var.control != null)
    push_queue  = nonsensitive(var.push_queue != null)
    access_logs = nonsensitive(var.access_logs != null)

    posts_by_domain = try(nonsensitive(var.custom_domain.posts), false)

    provisioned_concurrency = {
      for key in ["connect", "disconnect", "poll", "push", "control", "verify_jwt"] : key => nonsensitive(can(length([abs(var.functions[key].provisioned_concurrency)])))
    }
  }
}
