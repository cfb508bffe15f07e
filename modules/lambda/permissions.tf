# Permissions of the functions that certain inputs require, besides those for their own work.
locals {
  # DynamoDB uses a customer managed key on behalf of its caller, so the roles need permission to use the key through
  # DynamoDB, and not directly (DynamoDB developer guide, "DynamoDB encryption at rest: usage notes" and "Authorizing
  # use of your KMS key"). The condition's * stands for amazonaws.com or the like: KMS spells out the DNS suffix of the
  # partition.
  reading_actions = ["kms:Decrypt", "kms:DescribeKey"]
  writing_actions = ["kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]

  table_key_actions = {
    connect       = concat(local.reading_actions, local.writing_actions)
    disconnect    = concat(local.reading_actions, local.writing_actions)
    poll          = local.reading_actions
    push          = concat(local.reading_actions, local.writing_actions)
    fanout        = concat(local.reading_actions, local.writing_actions)
    subscriptions = concat(local.reading_actions, local.writing_actions)
    control       = concat(local.reading_actions, local.writing_actions)
    events        = concat(local.reading_actions, local.writing_actions)
    mark          = concat(local.reading_actions, local.writing_actions)
  }

  table_key_statements = {
    for key in local.function_keys : key => [
      for arn in [var.tables.kms_key_arn] : {
        Effect    = "Allow"
        Action    = local.table_key_actions[key]
        Resource  = [arn]
        Condition = { StringLike = { "kms:ViaService" = ["dynamodb.${var.region}.*"] } }
      } if arn != null && contains(keys(local.table_key_actions), key)
    ]
  }

  # Each queue's ARN as a list, which is empty where there is no queue. Not x[*]: for an x that is both sensitive and not known
  # yet, Terraform 1.9 crashes.
  queue_arns = {
    for name in ["control_queue_arn", "events_dead_letter_queue_arn", "events_queue_arn", "fanout_queue_arn", "push_queue_arn"] :
    name => [for arn in [var.queues[name]] : arn if arn != null]
  }

  # Lambda sends, receives and deletes messages with the function's role. Segments are sent by the functions themselves.
  queue_statements = {
    push = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = concat([var.queues.dead_letter_queue_arn], local.queue_arns["fanout_queue_arn"], local.queue_arns["events_queue_arn"])
        },
      ],
      [
        for arn in local.queue_arns["push_queue_arn"] : {
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = [arn]
        }
      ],
      local.queue_key_statements,
    )
    fanout = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
          Resource = local.queue_arns["fanout_queue_arn"]
        },
      ],
      [
        for arn in local.queue_arns["events_queue_arn"] : {
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = [arn]
        }
      ],
      local.queue_key_statements,
    )
    events = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
          Resource = local.queue_arns["events_queue_arn"]
        },
        {
          # Lambda moves what it cannot pass on of the stream.
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = local.queue_arns["events_dead_letter_queue_arn"]
        },
      ],
      local.queue_key_statements,
    )
  }

  queue_key_statements = [
    for arn in [var.queues.kms_key_arn] : {
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [arn]
    } if arn != null
  ]

  # Lambda creates and deletes the network interfaces with which the functions reach a VPC, using their roles. The
  # interfaces have no names before they exist, and EC2 cannot restrict a Describe action at all: hence *, as in AWS's
  # own policy AWSLambdaVPCAccessExecutionRole. The second statement denies these actions to the function's code (Lambda
  # developer guide, "Giving Lambda functions access to resources in an Amazon VPC").
  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]

  network_statements = {
    for key in local.function_keys : key => [
      for effect in var.vpc == null ? [] : ["Allow", "Deny"] : merge(
        {
          Effect   = effect
          Action   = local.network_actions
          Resource = ["*"]
        },
        { for condition in effect == "Deny" ? ["Condition"] : [] : condition => { ArnEquals = { "lambda:SourceFunctionArn" = [var.function_arns[key]] } } },
      )
    ]
  }

  # The caller's variables, which must not be among those that the module sets: the module's would silently win.
  extra_environment = { for key in local.function_keys : key => coalesce(try(var.functions[key].environment, null), {}) }

  environment = {
    for key in local.function_keys :
    key => merge(local.extra_environment[key], local.common_environment, local.functions[key].environment)
  }

  # The longest possible values of what is unknown before the API exists, so that a plan can measure the size.
  longest_values = merge(
    {
      CONNECTIONS_URL = (
        var.api.posts_by_domain ? var.api.connections_url
        : "https://0123456789.execute-api.ap-southeast-1.amazonaws.com.cn/${var.api.stage_name}"
      )
      DNS_SUFFIX = "amazonaws.com.cn"
      # The account's quota, of which it is a part by default, depends on the Region.
      POSTS_PER_SECOND = "2147483647"
    },
    {
      for queue in ["control", "events", "fanout"] :
      "${upper(queue)}_QUEUE_URL" => "https://sqs.ap-southeast-1.amazonaws.com.cn/012345678901/${var.name}-${queue}"
    },
  )
  measured_environment = {
    for key, environment in local.environment : key => {
      for name, value in environment : name => lookup(local.longest_values, name, value)
    }
  }

  # Names that are the module's own, so a message may show them even where functions is sensitive.
  taken_variables = {
    for key in local.function_keys : key => nonsensitive(sort(setintersection(
      keys(local.extra_environment[key]), concat(keys(local.common_environment), keys(local.functions[key].environment)),
    )))
  }
}
