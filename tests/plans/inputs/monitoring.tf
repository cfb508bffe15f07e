module "a_log_level_that_would_log_secrets" {
  source = "../../../"

  allow_anonymous = true
  log_level       = "DEBUG" # refused: log_level must be "INFO"
}

module "a_namespace_of_amazon" {
  source = "../../../"

  allow_anonymous   = true
  metrics_namespace = "AWS/WebSocketPush" # refused: metrics_namespace must be 1
}

module "a_namespace_with_a_space" {
  source = "../../../"

  allow_anonymous   = true
  metrics_namespace = "WebSocket Push" # refused: metrics_namespace must be 1
}

module "a_namespace_that_begins_with_a_colon" {
  source = "../../../"

  allow_anonymous   = true
  metrics_namespace = ":push" # refused: metrics_namespace must be 1
}

module "a_topic_that_alarms_cannot_publish_to" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { sns_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operations.fifo"] } # refused: alarms.sns_topic_arns must list ARNs
}

module "more_topics_than_an_alarm_takes" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { sns_topic_arns = [for number in range(6) : "arn:aws:sns:eu-central-1:123456789012:operations-${number}"] } # refused: alarms.sns_topic_arns must have at
}

module "no_list_of_topics" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { sns_topic_arns = [null] } # refused: alarms.sns_topic_arns must list ARNs
}

module "an_alarm_that_is_none" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { leave_out = ["dead-letters"] } # refused: alarms.leave_out has a key
}

module "a_threshold_below_zero" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { thresholds = { faults = -1 } } # refused: A threshold in alarms.thresholds
}

module "a_duration_that_never_comes" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { thresholds = { push_duration = 100 } } # refused: alarms.thresholds.push_duration must be below
}

module "access_logs_for_two_days" {
  source = "../../../"

  allow_anonymous = true
  access_logs     = { retention_days = 2 } # refused: access_logs.retention_days must be one
}

module "a_topic_for_alarms_of_another_region" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { sns_topic_arns = ["arn:aws:sns:us-east-1:123456789012:operations"] } # refused: alarms.sns_topic_arns has a topic
}

module "access_logs_by_default" {
  source = "../../../"

  allow_anonymous = true
  access_logs     = {}
}

module "access_logs_for_ever" {
  source = "../../../"

  allow_anonymous = true
  access_logs     = { retention_days = 0, source_ip = true }
}

module "a_topic_for_alarms_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  alarms          = { sns_topic_arns = ["arn:aws-cn:sns:eu-central-1:123456789012:operations"] } # refused: alarms.sns_topic_arns has a topic
}
