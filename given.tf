# Which inputs are set. What decides how many of a resource there are must be known when planning and is shown in
# addresses, while an input's value may be sensitive, or known only after apply. So existence is decided here, apart
# from the value: length([trimspace(x)]) and length([x.member]) fail for null, and are 1 for everything else, also for
# what is not known yet. An input that is not known as a whole is taken to be set.
locals {
  given = {
    jwt         = nonsensitive(can(length([var.jwt.audience])))
    authorizer  = nonsensitive(can(length([var.jwt.audience])) || can(length([var.authorizer.function_arn])))
    control     = nonsensitive(can(length([var.control.revocation_ttl])))
    inbox       = nonsensitive(can(length([var.inbox.state_ttl])))
    push_queue  = nonsensitive(can(length([var.push_queue.batch_size])))
    topics      = nonsensitive(can(length([var.topics.workers])))
    events      = nonsensitive(can(length([var.events.offline_after])))
    access_logs = nonsensitive(can(length([var.access_logs.source_ip])))

    posts_by_domain = try(nonsensitive(var.custom_domain.posts), false)

    provisioned_concurrency = {
      for key in ["connect", "disconnect", "poll", "push", "control", "mark", "fanout", "subscriptions", "events", "verify_jwt"] : key => nonsensitive(can(length([abs(var.functions[key].provisioned_concurrency)])))
    }
  }
}
