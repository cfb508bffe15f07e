# What one looks at first on top, then the way of a notification, then what carries it.
locals {
  # A line of a graph: what is drawn, and how.
  own_line = {
    for name in [
      "ConnectionsClosed", "ConnectionsEnded", "ConnectionsOpened", "ConnectionsRefused", "DeliveriesFailed", "DeliveriesGone",
      "DeliveriesSucceeded", "DeliveriesUnclosed", "EventsSent", "FanOut", "Faults", "HistoryPages", "KeysUnavailable", "MessagesFailed",
      "NotificationsAccepted", "NotificationsNotPersisted", "NotificationsServed", "PushLatency", "RowsUnreadable",
      "SegmentLatency", "SegmentsFinished", "TopicsAccepted",
    ] : name => [var.metrics_namespace, name, "Name", var.name]
  }

  api_lines = [
    for name in ["ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"] :
    ["AWS/ApiGateway", name, "ApiId", var.api.id, "Stage", var.api.stage_name]
  ]

  # A metric that has codes is drawn with a line for each that there is.
  by_code = {
    for name in ["RequestsRefused", "TokensRefused"] : name => [[{
      expression = "SEARCH('{\"${var.metrics_namespace}\",Name,Code} MetricName=\"${name}\" Name=\"${var.name}\"', 'Sum', ${local.period})"
    }]]
  }

  # Graphs by title, two in a row.
  own_graphs = [
    {
      title   = "Notifications"
      stat    = "Sum"
      metrics = [local.own_line["NotificationsAccepted"], local.own_line["NotificationsNotPersisted"]]
    },
    {
      title = "Deliveries"
      stat  = "Sum"
      metrics = [
        for name in ["DeliveriesSucceeded", "DeliveriesGone", "DeliveriesFailed", "DeliveriesUnclosed", "RowsUnreadable"] :
        local.own_line[name]
      ]
    },
    {
      title = "Milliseconds from push to last post"
      stat  = "p50"
      metrics = [
        for statistic in ["p50", "p99", "Maximum"] : concat(local.own_line["PushLatency"], [{ stat = statistic, label = statistic }])
      ]
    },
    {
      title = "Connections per push"
      stat  = "Average"
      metrics = [
        for statistic in ["Average", "p99", "Maximum"] : concat(local.own_line["FanOut"], [{ stat = statistic, label = statistic }])
      ]
    },
    {
      title   = "Connections"
      stat    = "Sum"
      metrics = [for name in ["ConnectionsOpened", "ConnectionsClosed", "ConnectionsEnded", "ConnectionsRefused"] : local.own_line[name]]
    },
    {
      title   = "History"
      stat    = "Sum"
      metrics = [local.own_line["HistoryPages"], local.own_line["NotificationsServed"]]
    },
    {
      title = "Faults"
      stat  = "Sum"
      metrics = concat(
        [local.own_line["Faults"]],
        local.verifies_token ? [local.own_line["KeysUnavailable"]] : [],
        !local.has_queue.push_queue_name ? [] : [local.own_line["MessagesFailed"]],
      )
    },
    {
      title   = "Refused requests by code"
      stat    = "Sum"
      metrics = local.by_code["RequestsRefused"]
    },
  ]

  token_graphs = [
    {
      title   = "Refused tokens by code"
      stat    = "Sum"
      metrics = local.by_code["TokensRefused"]
    },
  ]

  topic_graphs = [
    {
      title   = "Notifications for topics, and segments"
      stat    = "Sum"
      metrics = [local.own_line["TopicsAccepted"], local.own_line["SegmentsFinished"]]
    },
    {
      title   = "Milliseconds from push to the end of a segment"
      stat    = "Maximum"
      metrics = [for statistic in ["p50", "Maximum"] : concat(local.own_line["SegmentLatency"], [{ stat = statistic, label = statistic }])]
    },
  ]

  event_graphs = [
    {
      title   = "Events sent"
      stat    = "Sum"
      metrics = [local.own_line["EventsSent"]]
    },
    {
      title = "Longest delay of the stream of connections, in ms"
      stat  = "Maximum"
      metrics = [
        for key, name in var.function_names : ["AWS/Lambda", "IteratorAge", "FunctionName", name] if key == "events"
      ]
    },
  ]

  aws_graphs = concat(
    [
      for title, line in {
        "Errors by function"                      = { name = "Errors", stat = "Sum" }
        "Throttles by function"                   = { name = "Throttles", stat = "Sum" }
        "Longest invocation by function, in ms"   = { name = "Duration", stat = "Maximum" }
        "Most invocations at a time, by function" = { name = "ConcurrentExecutions", stat = "Maximum" }
        } : {
        title   = title
        stat    = line.stat
        metrics = [for key, name in var.function_names : ["AWS/Lambda", line.name, "FunctionName", name, { label = key }]]
      }
    ],
    [
      {
        title   = "API Gateway"
        stat    = "Sum"
        metrics = local.api_lines
      },
    ],
  )

  dead_letter_lines = [
    for name in compact([
      var.queues.dead_letter_queue_name, var.queues.push_queue_dead_letter_queue_name, var.queues.fanout_dead_letter_queue_name, var.queues.events_dead_letter_queue_name,
    ]) :
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]
  ]

  push_queue_lines = [
    for name in compact([var.queues.push_queue_name]) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name]
  ]

  fanout_queue_lines = [
    for name in compact([var.queues.fanout_queue_name]) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name]
  ]

  queue_graphs = concat(
    length(local.dead_letter_lines) == 0 ? [] : [{ title = "Dead letters", stat = "Maximum", metrics = local.dead_letter_lines }],
    length(local.push_queue_lines) == 0 ? [] : [{ title = "Longest wait in the push queue, in seconds", stat = "Maximum", metrics = local.push_queue_lines }],
    length(local.fanout_queue_lines) == 0 ? [] : [{ title = "Longest wait in the fan-out queue, in seconds", stat = "Maximum", metrics = local.fanout_queue_lines }],
  )

  # By JSON, because each graph is of a type of its own and a conditional wants one type.
  graphs = concat(
    [for graph in local.own_graphs : jsonencode(graph) if local.has_metrics],
    [for graph in local.token_graphs : jsonencode(graph) if local.has_metrics && local.verifies_token],
    [for graph in local.topic_graphs : jsonencode(graph) if local.has_metrics && local.has_queue.fanout_queue_name],
    [for graph in local.event_graphs : jsonencode(graph) if local.has_metrics && local.has_queue.events_dead_letter_queue_name],
    [for graph in local.aws_graphs : jsonencode(graph)],
    [for graph in local.queue_graphs : jsonencode(graph)],
  )

  graph_widgets = [
    for index, graph in [for each in local.graphs : jsondecode(each)] : {
      type   = "metric"
      x      = index % 2 * 12
      y      = 4 + floor(index / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = graph.title
        region  = var.region
        view    = "timeSeries"
        stat    = graph.stat
        period  = local.period
        metrics = graph.metrics
        yAxis   = { left = { min = 0 } }
      }
    }
  ]

  top_widgets = [
    for arns in [[for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]] : {
      type       = "alarm"
      x          = 0
      y          = 0
      width      = 24
      height     = 4
      properties = { title = "Alarms", alarms = arns }
    } if length(local.alarms) > 0
  ]

  log_widgets = [
    {
      type   = "log"
      x      = 0
      y      = 4 + ceil(length(local.graphs) / 2) * 6
      width  = 24
      height = 8
      properties = {
        title  = "What went wrong"
        region = var.region
        view   = "table"
        query = join(" | ", concat(
          [for name in values(var.log_group_names) : "SOURCE '${name}'"],
          [
            "fields @timestamp, message, outcome, reason, detail, keysFailure, requestId",
            "filter level in ['WARN', 'ERROR']",
            "sort @timestamp desc",
            "limit 100",
          ],
        ))
      }
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = nonsensitive(var.dashboard) ? 1 : 0 # dashboard must be known when planning.

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = concat(local.top_widgets, local.graph_widgets, local.log_widgets) })
}
