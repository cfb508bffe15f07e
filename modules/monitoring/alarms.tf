# Every alarm fires when a value was above its threshold within five minutes. docs/runbook.md has a heading for each, by
# the last part of its name.
locals {
  period = 300

  has_metrics    = nonsensitive(var.metrics_namespace != "")
  verifies_token = contains(keys(var.function_names), "verify_jwt")

  # verify_jwt has an alarm of its own: it raises for every client without a token, because API Gateway answers 401 to
  # nothing else.
  raising_functions = { for key, name in var.function_names : key => name if key != "verify_jwt" }

  # What Lambda counts, by function. The sum over them is one alarm: SUM leaves out a function that did not run, where +
  # would return no data for the whole period.
  function_metrics = {
    for metric, functions in { Errors = local.raising_functions, Throttles = var.function_names } : metric => {
      for key, name in functions : key => {
        namespace  = "AWS/Lambda"
        name       = metric
        dimensions = { FunctionName = name }
        statistic  = "Sum"
      }
    }
  }

  # What the functions count themselves.
  own_metrics = {
    for name in ["ConnectionsRefused", "DeliveriesFailed", "Faults", "KeysUnavailable", "NotificationsNotPersisted"] : name => {
      (name) = {
        namespace  = var.metrics_namespace
        name       = name
        dimensions = { Name = var.name }
        statistic  = "Sum"
      }
    }
  }

  # Fails for null, and is true also for a name that is not known yet.
  has_queue = { for key, name in var.queues : key => nonsensitive(can(length([trimspace(name)]))) }

  queue_metrics = {
    for key, queue in {
      dead_letters            = [var.queues.dead_letter_queue_name, "ApproximateNumberOfMessagesVisible"]
      push_queue_age          = [var.queues.push_queue_name, "ApproximateAgeOfOldestMessage"]
      push_queue_dead_letters = [var.queues.push_queue_dead_letter_queue_name, "ApproximateNumberOfMessagesVisible"]
      fanout_age              = [var.queues.fanout_queue_name, "ApproximateAgeOfOldestMessage"]
      events_dead_letters     = [var.queues.events_dead_letter_queue_name, "ApproximateNumberOfMessagesVisible"]
      fanout_dead_letters     = [var.queues.fanout_dead_letter_queue_name, "ApproximateNumberOfMessagesVisible"]
      } : key => {
      queue = {
        namespace  = "AWS/SQS"
        name       = queue[1]
        dimensions = { QueueName = queue[0] }
        statistic  = "Maximum"
      }
    }
  }

  # Either one metric, or several and expressions over them, of which the alarm evaluates "result". An alarm without a
  # source of metrics is not created.
  alarm_definitions = {
    authorizer_errors = {
      is_there    = local.verifies_token && local.has_metrics
      description = "verify-jwt failed: it ran out of time or memory, could not start, or has no keys. Refused tokens are not counted."
      metrics = {
        errors = {
          namespace  = "AWS/Lambda"
          name       = "Errors"
          dimensions = { FunctionName = lookup(var.function_names, "verify_jwt", "") }
          statistic  = "Sum"
        }
        unauthorized = {
          namespace  = var.metrics_namespace
          name       = "TokensRefused"
          dimensions = { Name = var.name, Code = "MISSING_TOKEN" }
          statistic  = "Sum"
        }
      }
      expressions = { expected = "0 - unauthorized", result = "SUM([errors, expected])" }
      # The functions' metrics arrive a little after Lambda's. When the second period is over, the first is complete.
      periods = 2
    }
    connections_refused = {
      is_there    = local.has_metrics
      description = "More clients than usual were refused: their token, their origin, or no authentication."
      metrics     = local.own_metrics["ConnectionsRefused"]
      expressions = {}
      periods     = 1
    }
    dead_letters = {
      is_there    = local.has_queue.dead_letter_queue_name
      description = "Asynchronous invocations of push are in the dead-letter queue: their retries are exhausted."
      metrics     = local.queue_metrics["dead_letters"]
      expressions = {}
      periods     = 1
    }
    deliveries_failed = {
      is_there    = local.has_metrics
      description = "Notifications could not be sent to open connections within the time."
      metrics     = local.own_metrics["DeliveriesFailed"]
      expressions = {}
      periods     = 1
    }
    errors = {
      is_there    = true
      description = "A function failed: it ran out of time or memory or could not start, or a push was refused or came to nothing."
      metrics     = local.function_metrics["Errors"]
      expressions = { result = "SUM(METRICS())" }
      periods     = 1
    }
    events_dead_letters = {
      is_there    = local.has_queue.events_dead_letter_queue_name
      description = "Events could not be sent to their bus: they are in the dead-letter queue of the events function."
      metrics     = local.queue_metrics["events_dead_letters"]
      expressions = {}
      periods     = 1
    }
    faults = {
      is_there    = local.has_metrics
      description = "A sound request could not be carried out: AWS did not answer, refused, or something is set up wrongly."
      metrics     = local.own_metrics["Faults"]
      expressions = {}
      periods     = 1
    }
    fanout_age = {
      is_there    = local.has_queue.fanout_queue_name
      description = "Segments of notifications for topics and broadcasts wait for longer than they should."
      metrics     = local.queue_metrics["fanout_age"]
      expressions = {}
      periods     = 1
    }
    fanout_dead_letters = {
      is_there    = local.has_queue.fanout_dead_letter_queue_name
      description = "Segments of notifications for topics and broadcasts failed every time and are in their dead-letter queue."
      metrics     = local.queue_metrics["fanout_dead_letters"]
      expressions = {}
      periods     = 1
    }
    keys_unavailable = {
      is_there    = local.verifies_token && local.has_metrics
      description = "The keys that tokens are verified with cannot be fetched. The last good ones serve as long as a function has them."
      metrics     = local.own_metrics["KeysUnavailable"]
      expressions = {}
      periods     = 1
    }
    not_persisted = {
      is_there    = local.has_metrics
      description = "Notifications that were to be kept could not be stored for some of their recipients."
      metrics     = local.own_metrics["NotificationsNotPersisted"]
      expressions = {}
      periods     = 1
    }
    push_duration = {
      is_there    = true
      description = "A push took nearly as long as it may."
      metrics = {
        duration = {
          namespace  = "AWS/Lambda"
          name       = "Duration"
          dimensions = { FunctionName = var.function_names["push"] }
          statistic  = "Maximum"
        }
      }
      expressions = {}
      periods     = 1
    }
    push_queue_age = {
      is_there    = local.has_queue.push_queue_name
      description = "Push requests wait in the queue for longer than they should."
      metrics     = local.queue_metrics["push_queue_age"]
      expressions = {}
      periods     = 1
    }
    push_queue_dead_letters = {
      is_there    = local.has_queue.push_queue_dead_letter_queue_name
      description = "Push requests are in the push queue's dead-letter queue: their retries are exhausted."
      metrics     = local.queue_metrics["push_queue_dead_letters"]
      expressions = {}
      periods     = 1
    }
    throttles = {
      is_there    = true
      description = "Lambda refused to run a function: its reserved concurrency, or the account's, was used up."
      metrics     = local.function_metrics["Throttles"]
      expressions = { result = "SUM(METRICS())" }
      periods     = 1
    }
  }

  # length fails for null, and is 1 also for what is not known yet.
  has_alarms = nonsensitive(can(length([var.alarms.leave_out])))

  # None without alarms. The duration's threshold comes as a share of the timeout, in percent, and is in milliseconds.
  alarms = merge([
    for wanted in local.has_alarms ? [var.alarms] : [] : {
      for key, definition in local.alarm_definitions : key => merge(definition, {
        threshold = wanted.thresholds[key] * (key == "push_duration" ? var.push_function_timeout * 10 : 1)
      }) if definition.is_there && !contains(nonsensitive(wanted.leave_out), key)
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms # metrics_namespace and alarms.leave_out must be known when planning.

  alarm_name        = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description = "${each.value.description} Runbook: docs/runbook.md#${replace(each.key, "_", "-")}"

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  # All count something that should not happen: missing data is not a breach.
  treat_missing_data = "notBreaching"

  # One metric by itself, or queries: the provider accepts either.
  namespace   = length(each.value.expressions) == 0 ? one(values(each.value.metrics)).namespace : null
  metric_name = length(each.value.expressions) == 0 ? one(values(each.value.metrics)).name : null
  dimensions  = length(each.value.expressions) == 0 ? one(values(each.value.metrics)).dimensions : null
  statistic   = length(each.value.expressions) == 0 ? one(values(each.value.metrics)).statistic : null
  period      = length(each.value.expressions) == 0 ? local.period : null

  dynamic "metric_query" {
    for_each = length(each.value.expressions) == 0 ? {} : each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = local.period
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expressions

    content {
      id          = metric_query.key
      expression  = metric_query.value
      label       = metric_query.key == "result" ? each.key : metric_query.key
      return_data = metric_query.key == "result"
    }
  }

  alarm_actions = var.alarms.sns_topic_arns
  ok_actions    = var.alarms.sns_topic_arns

  tags = merge({ Name = "${var.name}-${replace(each.key, "_", "-")}" }, var.tags)
}
