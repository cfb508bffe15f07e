# Alarms and dashboard: which there are under which settings, and what each looks at.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name              = "events"
  metrics_namespace = "Push/Test"
  function_names = {
    connect    = "events-connect"
    disconnect = "events-disconnect"
    poll       = "events-poll"
    push       = "events-push"
    verify_jwt = "events-verify-jwt"
  }
  log_group_names = {
    connect = "/aws/lambda/events-connect"
    push    = "/aws/lambda/events-push"
  }
  push_function_timeout = 30
  region                = "cn-north-1"

  # The root module's defaults.
  alarms_by_default = {
    sns_topic_arns = []
    leave_out      = []
    thresholds = {
      authorizer_errors       = 0
      connections_refused     = 100
      dead_letters            = 0
      deliveries_failed       = 10
      errors                  = 0
      fanout_age              = 900
      fanout_dead_letters     = 0
      faults                  = 0
      keys_unavailable        = 0
      not_persisted           = 0
      push_duration           = 80
      push_queue_age          = 300
      push_queue_dead_letters = 0
      throttles               = 0
    }
  }
  api = {
    id         = "a1b2c3d4e5"
    stage_name = "live"
  }
  queues = {
    dead_letter_queue_name            = "events-dead-letters"
    push_queue_name                   = "events-push"
    push_queue_dead_letter_queue_name = "events-push-dead-letters"
  }
}

run "nothing_unless_asked_for" {
  command = plan
  module {
    source = "./modules/monitoring"
  }

  assert {
    condition = (
      length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_cloudwatch_dashboard.this) == 0
      && length(output.alarm_arns) == 0 && output.dashboard_name == null
    )
    error_message = "There is neither an alarm nor a dashboard."
  }
}

run "all_alarms" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    alarms = merge(var.alarms_by_default, { sns_topic_arns = ["arn:aws-cn:sns:cn-north-1:123456789012:operations"] })
    tags   = { team = "push" }
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.alarm_name, alarm.threshold, alarm.evaluation_periods] } == {
      authorizer_errors       = ["events-authorizer-errors", 0, 2]
      connections_refused     = ["events-connections-refused", 100, 1]
      dead_letters            = ["events-dead-letters", 0, 1]
      deliveries_failed       = ["events-deliveries-failed", 10, 1]
      errors                  = ["events-errors", 0, 1]
      faults                  = ["events-faults", 0, 1]
      keys_unavailable        = ["events-keys-unavailable", 0, 1]
      not_persisted           = ["events-not-persisted", 0, 1]
      push_duration           = ["events-push-duration", 24000, 1]
      push_queue_age          = ["events-push-queue-age", 300, 1]
      push_queue_dead_letters = ["events-push-queue-dead-letters", 0, 1]
      throttles               = ["events-throttles", 0, 1]
    }
    error_message = "Every alarm is there, under the module's name, with its threshold."
  }

  assert {
    condition = alltrue([
      for key, alarm in aws_cloudwatch_metric_alarm.this : (
        alarm.comparison_operator == "GreaterThanThreshold"
        && alarm.datapoints_to_alarm == alarm.evaluation_periods
        && alarm.treat_missing_data == "notBreaching"
        && alarm.alarm_actions == toset(["arn:aws-cn:sns:cn-north-1:123456789012:operations"])
        && alarm.ok_actions == toset(["arn:aws-cn:sns:cn-north-1:123456789012:operations"])
        && endswith(alarm.alarm_description, " Runbook: docs/runbook.md#${replace(key, "_", "-")}")
        && length(alarm.alarm_description) <= 1024
        && alarm.tags == tomap({ Name = alarm.alarm_name, team = "push" })
      )
    ])
    error_message = "Every alarm tells the topic when it begins and when it ends, and where to read on."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.namespace, alarm.metric_name, alarm.statistic, jsonencode(alarm.dimensions)] if length(alarm.metric_query) == 0 } == {
      connections_refused     = ["Push/Test", "ConnectionsRefused", "Sum", "{\"Name\":\"events\"}"]
      dead_letters            = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "{\"QueueName\":\"events-dead-letters\"}"]
      deliveries_failed       = ["Push/Test", "DeliveriesFailed", "Sum", "{\"Name\":\"events\"}"]
      faults                  = ["Push/Test", "Faults", "Sum", "{\"Name\":\"events\"}"]
      keys_unavailable        = ["Push/Test", "KeysUnavailable", "Sum", "{\"Name\":\"events\"}"]
      not_persisted           = ["Push/Test", "NotificationsNotPersisted", "Sum", "{\"Name\":\"events\"}"]
      push_duration           = ["AWS/Lambda", "Duration", "Maximum", "{\"FunctionName\":\"events-push\"}"]
      push_queue_age          = ["AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", "{\"QueueName\":\"events-push\"}"]
      push_queue_dead_letters = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "{\"QueueName\":\"events-push-dead-letters\"}"]
    }
    error_message = "Most alarms look at one metric."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(alarm.metric_query) == 0 ? alarm.period == 300 : alarm.period == null && alarm.metric_name == null])
    error_message = "A metric has its period in one place."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => {
      for query in alarm.metric_query : query.id => query.expression == null ? join(" ", concat(
        [query.metric[0].namespace, query.metric[0].metric_name, query.metric[0].stat, tostring(query.metric[0].period)],
        values(query.metric[0].dimensions),
      )) : query.expression
      } if length(alarm.metric_query) > 0 } == {
      errors = merge(
        { for function in ["connect", "disconnect", "poll", "push"] : function => "AWS/Lambda Errors Sum 300 events-${function}" },
        { result = "SUM(METRICS())" },
      )
      throttles = merge(
        { for function in ["connect", "disconnect", "poll", "push"] : function => "AWS/Lambda Throttles Sum 300 events-${function}" },
        { verify_jwt = "AWS/Lambda Throttles Sum 300 events-verify-jwt", result = "SUM(METRICS())" },
      )
      authorizer_errors = {
        errors       = "AWS/Lambda Errors Sum 300 events-verify-jwt"
        unauthorized = "Push/Test TokensRefused Sum 300 MISSING_TOKEN events"
        expected     = "0 - unauthorized"
        result       = "SUM([errors, expected])"
      }
    }
    error_message = "The others add up metrics; what verify-jwt raises for clients without a token is no error."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this : [for query in alarm.metric_query : query.id if coalesce(query.return_data, false)] == ["result"]
      if length(alarm.metric_query) > 0
    ])
    error_message = "An alarm looks at one result."
  }

  assert {
    condition     = keys(output.alarm_arns) == keys(aws_cloudwatch_metric_alarm.this)
    error_message = "The output has the ARN of every alarm."
  }
}

run "other_thresholds" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    push_function_timeout = 10
    alarms = merge(var.alarms_by_default, {
      leave_out  = ["throttles", "push_queue_age"]
      thresholds = merge(var.alarms_by_default.thresholds, { push_duration = 50, deliveries_failed = 7 })
    })
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["push_duration"].threshold == 5000
      && aws_cloudwatch_metric_alarm.this["deliveries_failed"].threshold == 7
      && aws_cloudwatch_metric_alarm.this["connections_refused"].threshold == 100
    )
    error_message = "What is given takes the place of the default, and the other defaults stay."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 10 && !contains(keys(aws_cloudwatch_metric_alarm.this), "throttles") && !contains(keys(aws_cloudwatch_metric_alarm.this), "push_queue_age")
    error_message = "What is not wanted is not there."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(coalesce(alarm.alarm_actions, [])) == 0])
    error_message = "Without a topic there are no actions."
  }
}

run "without_tokens_queues_and_metrics" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    metrics_namespace = ""
    function_names = {
      connect    = "events-connect"
      disconnect = "events-disconnect"
      poll       = "events-poll"
      push       = "events-push"
    }
    queues    = {}
    alarms    = var.alarms_by_default
    dashboard = true
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["errors", "push_duration", "throttles"]
    error_message = "There are no alarms about what is not there."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title] == [
      "Alarms", "Errors by function", "Longest invocation by function, in ms", "Most invocations at a time, by function",
      "Throttles by function", "API Gateway", "What went wrong",
    ]
    error_message = "The dashboard shows only what is there."
  }
}

run "without_tokens" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    function_names = {
      connect    = "events-connect"
      disconnect = "events-disconnect"
      poll       = "events-poll"
      push       = "events-push"
    }
    alarms    = var.alarms_by_default
    dashboard = true
  }

  assert {
    condition = (
      !contains(keys(aws_cloudwatch_metric_alarm.this), "authorizer_errors")
      && !contains(keys(aws_cloudwatch_metric_alarm.this), "keys_unavailable")
      && length(aws_cloudwatch_metric_alarm.this) == 10
    )
    error_message = "Without verify-jwt nothing looks at it."
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "KeysUnavailable") && !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "TokensRefused")
    error_message = "Neither does the dashboard."
  }
}

run "a_dashboard" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    dashboard = true
  }

  assert {
    condition     = output.dashboard_name == "events" && length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "The dashboard is called as the module is, and needs no alarms."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title] == [
      "Notifications", "Deliveries", "Milliseconds from push to last post", "Connections per push", "Connections", "History",
      "Faults", "Refused requests by code", "Refused tokens by code", "Errors by function",
      "Longest invocation by function, in ms", "Most invocations at a time, by function", "Throttles by function", "API Gateway",
      "Dead letters", "Longest wait in the push queue, in seconds", "What went wrong",
    ]
    error_message = "The dashboard has a widget for each thing to be seen."
  }

  # CloudWatch puts a grid of 24 columns under them.
  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets :
      widget.x + widget.width <= 24 && widget.properties.region == "cn-north-1"
      ]) && length(distinct([
        for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : "${widget.x},${widget.y}"
    ])) == length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets)
    error_message = "Widgets fit into the grid, each in a place of its own, and look into the module's Region."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.metrics if widget.properties.title == "Deliveries"] == [[
      ["Push/Test", "DeliveriesSucceeded", "Name", "events"],
      ["Push/Test", "DeliveriesGone", "Name", "events"],
      ["Push/Test", "DeliveriesFailed", "Name", "events"],
      ["Push/Test", "DeliveriesUnclosed", "Name", "events"],
      ["Push/Test", "RowsUnreadable", "Name", "events"],
    ]]
    error_message = "The functions' metrics are found by namespace and name."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [for line in widget.properties.metrics : line[1]] if widget.properties.title == "Faults"] == [[
      "Faults", "KeysUnavailable", "MessagesFailed",
    ]]
    error_message = "What went wrong is drawn together, as far as there is a function or a queue for it."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.metrics if widget.properties.title == "Refused tokens by code"] == [[[
      { expression = "SEARCH('{\"Push/Test\",Name,Code} MetricName=\"TokensRefused\" Name=\"events\"', 'Sum', 300)" },
    ]]]
    error_message = "What has codes is drawn with a line for each that there is."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.query if widget.type == "log"] == [
      "SOURCE '/aws/lambda/events-connect' | SOURCE '/aws/lambda/events-push' | fields @timestamp, message, outcome, reason, detail, keysFailure, requestId | filter level in ['WARN', 'ERROR'] | sort @timestamp desc | limit 100",
    ]
    error_message = "The log widget reads the functions' own logs."
  }
}

run "a_dashboard_with_alarms" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    alarms    = var.alarms_by_default
    dashboard = true
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].type == "alarm"
      && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.alarms) == 12
    )
    error_message = "The state of the alarms is on top."
  }
}
