module "intake_refused_1" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_event_age = 59 } # refused: async_invocation.maximum_event_age must be a
  push_queue       = { batch_size = 0 }         # refused: push_queue.batch_size must be a
}

module "intake_refused_2" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_event_age = 21601 }                      # refused: async_invocation.maximum_event_age must be a
  push_queue       = { batch_size = 1001, maximum_batching_window = 1 } # refused: push_queue.batch_size must be a
}

module "intake_refused_3" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_event_age = 60.5 } # refused: async_invocation.maximum_event_age must be a
  push_queue       = { batch_size = 1.5 }         # refused: push_queue.batch_size must be a
}

module "intake_refused_4" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_retry_attempts = 3 } # refused: async_invocation.maximum_retry_attempts must be 0
  push_queue       = { batch_size = 11 }            # refused: push_queue.batch_size above 10 needs
}

module "intake_refused_5" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_retry_attempts = -1 }  # refused: async_invocation.maximum_retry_attempts must be 0
  push_queue       = { maximum_batching_window = -1 } # refused: push_queue.maximum_batching_window must be a
}

module "intake_refused_6" {
  source = "../../../"

  allow_anonymous  = true
  async_invocation = { maximum_retry_attempts = 0.5 }  # refused: async_invocation.maximum_retry_attempts must be 0
  push_queue       = { maximum_batching_window = 301 } # refused: push_queue.maximum_batching_window must be a
}

module "intake_refused_7" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { maximum_concurrency = 1 } # refused: push_queue.maximum_concurrency must be a
}

module "intake_refused_8" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { maximum_concurrency = 1001 } # refused: push_queue.maximum_concurrency must be a
}

module "intake_refused_9" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { max_receive_count = 0 } # refused: push_queue.max_receive_count must be a
}

module "intake_refused_10" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { max_receive_count = 51 } # refused: push_queue.max_receive_count must be a
}

module "intake_refused_11" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { max_receive_count = 2.5 } # refused: push_queue.max_receive_count must be a
}

module "intake_refused_12" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:*"] } # refused: push_queue.source_arns must list ARNs
}

module "intake_refused_13" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:s3:::bucket"] } # refused: push_queue.source_arns must list ARNs
}

module "intake_refused_14" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:events:eu-central-1:123456789012:event-bus/default"] } # refused: push_queue.source_arns must list ARNs
}

module "intake_refused_15" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { maximum_concurrency = 10 } # refused: push_queue.maximum_concurrency must not be
  functions       = { push = { reserved_concurrency = 9 } }
}

module "a_stopped_push_function_with_a_queue" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { maximum_concurrency = 10 }
  functions       = { push = { reserved_concurrency = 0 } }
}

module "a_rule_of_another_region" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:events:us-east-1:123456789012:rule/orders"] } # refused: push_queue.source_arns has an EventBridge
}

module "a_topic_of_an_opt_in_region_that_sends" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:ap-east-1:123456789012:orders"] } # refused: push_queue.source_arns has an SNS
}

module "a_topic_that_sends_to_an_opt_in_region" {
  source    = "../../../"
  providers = { aws = aws.ap_east_1 }

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:orders"] } # refused: push_queue.source_arns has an SNS
}

module "no_bus" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "push" } # refused: events.event_bus_arn must be the
}

module "a_rule" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:rule/push" } # refused: events.event_bus_arn must be the
}

module "a_bus_of_another_region" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:cn-northwest-1:123456789012:event-bus/push" } # refused: events.event_bus_arn is in another
}

module "offline_at_once" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/push", offline_after = 4 } # refused: events.offline_after must be a
}

module "offline_for_part_of_a_second" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/push", offline_after = 5.5 } # refused: events.offline_after must be a
}

module "offline_after_more_than_a_message_waits" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/push", offline_after = 901 } # refused: events.offline_after must be a
}

module "a_state_that_is_soon_lost" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous  = true
  notification_ttl = 60
  inbox            = { state_ttl = 86399 } # refused: inbox.state_ttl must be a
}

module "a_state_without_an_end" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  inbox           = { state_ttl = 69120001 } # refused: inbox.state_ttl must be a
}

module "part_of_a_second" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous  = true
  notification_ttl = 60
  inbox            = { state_ttl = 86400.5 } # refused: inbox.state_ttl must be a
}

module "more_for_clients_than_for_a_route" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  throttling      = { rate_limit = 100, client_rate_limit = 101 } # refused: throttling.client_rate_limit must be from
}

module "no_messages_of_clients" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  throttling      = { client_rate_limit = 0 } # refused: throttling.client_rate_limit must be from
}

module "a_larger_burst_for_clients_than_for_a_route" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  throttling      = { burst_limit = 100, client_burst_limit = 101 } # refused: throttling.client_burst_limit must be a
}

module "part_of_a_message_of_clients" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  throttling      = { client_burst_limit = 1.5 } # refused: throttling.client_burst_limit must be a
}

module "no_limits" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = {} # refused: limits sets no limit: set
}

module "no_connections" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { connections_per_user = 0 } # refused: limits.connections_per_user must be a
}

module "part_of_a_connection" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { connections_per_user = 1.5 } # refused: limits.connections_per_user must be a
}

module "more_connections_than_one_query_counts" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { connections_per_user = 1001 } # refused: limits.connections_per_user must be a
}

module "another_way_with_one_too_many" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { connections_per_user = 5, on_excess = "close_newest" } # refused: limits.on_excess must be "refuse"
}

module "closing_without_a_number" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { on_excess = "close_oldest", messages_per_second = 5 } # refused: limits.on_excess = "close_oldest" needs
}

module "no_messages" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { messages_per_second = 0 } # refused: limits.messages_per_second must be a
}

module "part_of_a_message" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { messages_per_second = 0.5 } # refused: limits.messages_per_second must be a
}

module "no_burst" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { messages_per_second = 5, burst = 0 } # refused: limits.burst must be a
}

module "a_burst_of_nothing" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  limits          = { connections_per_user = 5, burst = 10 } # refused: limits.burst needs limits.messages_per_second: set
}

module "a_revocation_that_is_kept_for_no_time" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  control         = { revocation_ttl = 59 } # refused: control.revocation_ttl must be a
}

module "a_revocation_that_is_kept_for_part_of_a_second" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  control         = { revocation_ttl = 60.5 } # refused: control.revocation_ttl must be a
}

module "a_revocation_without_a_time" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  control         = { revocation_ttl = 31536001 } # refused: control.revocation_ttl must be a
}

module "no_topics_for_a_connection" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { max_per_connection = 0 } # refused: topics.max_per_connection must be a
}

module "too_many_topics_for_a_connection" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { max_per_connection = 101 } # refused: topics.max_per_connection must be a
}

module "half_a_topic" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { max_per_connection = 1.5 } # refused: topics.max_per_connection must be a
}

module "too_many_connections_at_once" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { immediate_connections = 2001 } # refused: topics.immediate_connections must be a
}

module "a_negative_number_of_connections" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { immediate_connections = -1 } # refused: topics.immediate_connections must be a
}

module "one_worker" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { workers = 1 } # refused: topics.workers must be a
}

module "too_many_workers" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { workers = 101 } # refused: topics.workers must be a
}

module "a_rate_that_leaves_a_worker_none" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { broadcast_rate = 9, workers = 10 } # refused: topics.broadcast_rate must be a
}

module "a_rate_of_more_than_32_bits" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { broadcast_rate = 2147483648 } # refused: topics.broadcast_rate must be a
}

module "part_of_a_message_per_second" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  topics          = { broadcast_rate = 99.5 } # refused: topics.broadcast_rate must be a
}

module "a_topic_of_another_region_that_sends" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:us-east-1:123456789012:orders"] }
}

module "a_topic_within_an_opt_in_region" {
  source    = "../../../"
  providers = { aws = aws.ap_east_1 }

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:ap-east-1:123456789012:orders"] }
}

module "throttling_above_the_quota" {
  source = "../../../"

  allow_anonymous = true
  throttling      = { rate_limit = 10001 } # warned: throttling is above what
}

module "a_burst_above_the_quota" {
  source = "../../../"

  allow_anonymous = true
  throttling      = { burst_limit = 5001 } # warned: throttling is above what
}

module "throttling_above_the_quota_of_a_smaller_region" {
  source    = "../../../"
  providers = { aws = aws.eu_south_2 }

  allow_anonymous = true
  throttling      = { rate_limit = 2501, burst_limit = 1250 } # warned: throttling is above what
}

module "throttling_within_the_quota_of_a_smaller_region" {
  source    = "../../../"
  providers = { aws = aws.eu_south_2 }

  allow_anonymous = true
  throttling      = { rate_limit = 2500, burst_limit = 1250 }
}

module "a_keepalive_of_another_kind" {
  source = "../../../"

  allow_anonymous = true
  keepalive       = { action = "pong" } # refused: keepalive.action must be
}

module "a_topic_of_another_partition_that_sends" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:orders"] } # refused: push_queue.source_arns has an SNS
}

module "a_topic_of_another_partition_and_this_region" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws-cn:sns:eu-central-1:123456789012:orders"] } # refused: push_queue.source_arns has an SNS
}

module "a_topic_of_another_region_of_china" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws-cn:sns:cn-northwest-1:123456789012:orders"] }
}

module "a_rule_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = ["arn:aws-cn:events:eu-central-1:123456789012:rule/orders"] } # refused: push_queue.source_arns has an EventBridge
}

module "more_sources_than_a_policy_holds" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = [for number in range(150) : "arn:aws:sns:eu-central-1:123456789012:orders-${number}"] } # refused: push_queue.source_arns must have at most
}

module "as_many_sources_as_a_policy_holds" {
  source = "../../../"

  allow_anonymous = true
  push_queue      = { source_arns = [for number in range(125) : "arn:aws:sns:eu-central-1:123456789012:orders-${number}"] }
}

module "a_bus_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws-cn:events:eu-central-1:123456789012:event-bus/push" } # refused: events.event_bus_arn is in another
}

module "a_bus_of_another_account" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws:events:eu-central-1:210987654321:event-bus/push" }
}

module "content_that_is_null" {
  source = "../../../"

  allow_anonymous = true
  events          = { event_bus_arn = "arn:aws:events:eu-central-1:123456789012:event-bus/push", include_content = null }
}

module "clients_above_the_quota" {
  source = "../../../"

  allow_anonymous = true
  throttling      = { client_rate_limit = 10001 } # warned: throttling is above what
}

module "a_burst_of_clients_above_the_quota" {
  source = "../../../"

  allow_anonymous = true
  throttling      = { client_burst_limit = 5001 } # warned: throttling is above what
}

module "clients_at_the_quota" {
  source = "../../../"

  allow_anonymous = true
  throttling      = { client_rate_limit = 10000, client_burst_limit = 5000 }
}

module "a_broadcast_above_the_quota" {
  source = "../../../"

  allow_anonymous = true
  topics          = { broadcast_rate = 10001 } # warned: topics.broadcast_rate is above what
}

module "a_broadcast_at_the_quota" {
  source = "../../../"

  allow_anonymous = true
  topics          = { broadcast_rate = 10000 }
}

module "a_broadcast_above_the_quota_of_a_smaller_region" {
  source    = "../../../"
  providers = { aws = aws.eu_south_2 }

  allow_anonymous = true
  topics          = { broadcast_rate = 2501 } # warned: topics.broadcast_rate is above what
}

module "a_broadcast_by_default_in_a_smaller_region" {
  source    = "../../../"
  providers = { aws = aws.eu_south_2 }

  allow_anonymous = true
  topics          = {}
}

module "a_broadcast_at_the_quota_of_a_smaller_region" {
  source    = "../../../"
  providers = { aws = aws.eu_south_2 }

  allow_anonymous = true
  topics          = { broadcast_rate = 2500 }
}

module "a_state_that_ends_before_notifications" {
  source = "../../../"

  allow_anonymous  = true
  notification_ttl = 86401
  inbox            = { state_ttl = 86400 } # refused: inbox.state_ttl is shorter than notification_ttl
}

module "a_state_that_ends_with_notifications" {
  source = "../../../"

  allow_anonymous  = true
  notification_ttl = 86400
  inbox            = { state_ttl = 86400 }
}
