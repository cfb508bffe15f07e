variable "name" {
  description = "Prefix of every name: functions are called <name>-<function>, their log groups /aws/lambda/<name>-<function>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 48 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"websocket-push\"."
  }
}

variable "tables" {
  description = "The DynamoDB tables that the functions work on, and the KMS key that encrypts them, if it is one of the caller's."
  type = object({
    clients_table_name       = string
    clients_table_arn        = string
    clients_index_name       = string
    clients_index_arn        = string
    notifications_table_name = string
    notifications_table_arn  = string
    kms_key_arn              = optional(string)
  })
  nullable = false
}

variable "api" {
  description = "The WebSocket API whose connections the push function writes to. stage_name and connections_url must come from the stage's name, not from the stage, which waits for these functions."
  type = object({
    execution_arn   = string
    stage_name      = string
    connections_url = string
  })
  nullable = false
}

variable "queues" {
  description = "The queues that the push function may use: where failed asynchronous invocations end, where push requests come from (with push_queue), and the KMS key of both, if they are encrypted with one. The queues need not exist yet, so that no function waits for them."
  type = object({
    dead_letter_queue_arn = string
    push_queue_arn        = optional(string)
    kms_key_arn           = optional(string)
  })
  nullable = false
}

variable "created_queues" {
  description = "The ARNs of the same queues, once they exist."
  type = object({
    dead_letter_queue_arn = string
    push_queue_arn        = optional(string)
  })
  nullable = false
}

variable "push_queue" {
  description = "How the push function is fed from the queue of push requests, as in the root module, which also checks it. Null: it is not."
  type = object({
    batch_size              = optional(number, 10)
    maximum_batching_window = optional(number, 0)
    maximum_concurrency     = optional(number, 10)
  })
  default = null
}

variable "async_invocation" {
  description = "For how long, in seconds, and how many times more Lambda tries an asynchronous invocation of the push function that fails, as in the root module, which also checks it."
  type = object({
    maximum_event_age      = optional(number, 21600)
    maximum_retry_attempts = optional(number, 2)
  })
  default  = {}
  nullable = false
}

variable "jwt" {
  description = "Which tokens are valid, as in the root module, which also checks it. Null: there is no verify_jwt function."
  type = object({
    issuer                  = optional(string)
    audience                = optional(list(string), [])
    jwks_uri                = optional(string)
    secret_arn              = optional(string)
    secret_kms_key_arn      = optional(string)
    algorithms              = optional(list(string))
    user_id_claim           = optional(string, "sub")
    token_use               = optional(string)
    typ                     = optional(string)
    leeway                  = optional(number, 0)
    jwks_cache_seconds      = optional(number, 300)
    allow_insecure_loopback = optional(bool, false)
    additional_issuers = optional(list(object({
      issuer             = string
      audience           = optional(list(string), [])
      jwks_uri           = optional(string)
      secret_arn         = optional(string)
      secret_kms_key_arn = optional(string)
      algorithms         = optional(list(string))
      user_id_claim      = optional(string, "sub")
      token_use          = optional(string)
      typ                = optional(string)
    })), [])
  })
  default = null
}

variable "allowed_origins" {
  description = "Origins whose pages may connect, and \"self\" for the API's own host; empty: origins are not checked."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allow_anonymous" {
  description = "Whether a connection without an authorizer's word is accepted, as the user that its query string names."
  type        = bool
  default     = false
  nullable    = false
}

variable "client_push" {
  description = "Who a client may push to: \"none\", \"self\" or \"any\"."
  type        = string
  default     = "self"
  nullable    = false

  validation {
    condition     = contains(["none", "self", "any"], var.client_push)
    error_message = "client_push must be \"none\" (clients cannot push), \"self\" (a client may push to its own user) or \"any\" (to every user)."
  }
}

variable "persist_by_default" {
  description = "Whether a notification is kept when its push request does not say."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_ttl" {
  description = "Seconds for which a notification is kept when its push request does not say."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.notification_ttl >= 60 && var.notification_ttl <= 31536000 && floor(var.notification_ttl) == var.notification_ttl
    error_message = "notification_ttl must be a whole number of seconds from 60 (a minute) to 31536000 (365 days), such as 604800 for a week."
  }
}

variable "keepalive" {
  description = "What clients send so that their connections stay open (action: \"poll\" or \"ping\"), and at most how many seconds apart."
  type = object({
    action  = optional(string, "poll")
    seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["poll", "ping"], var.keepalive.action)
    error_message = "keepalive.action must be \"poll\" or \"ping\"."
  }

  validation {
    condition = var.keepalive.seconds == null ? true : (
      var.keepalive.seconds >= 30 && var.keepalive.seconds <= (var.keepalive.action == "ping" ? 540 : 240)
      && floor(var.keepalive.seconds) == var.keepalive.seconds
    )
    error_message = "keepalive.seconds must be a whole number of seconds from 30 to 240 with action \"poll\", and from 30 to 540 with \"ping\"."
  }
}

variable "max_frame_kb" {
  description = "Largest message to a client in KB; larger notifications are refused, and history pages are cut to it."
  type        = number
  default     = 32
  nullable    = false

  validation {
    condition     = var.max_frame_kb >= 32 && var.max_frame_kb <= 128 && floor(var.max_frame_kb) == var.max_frame_kb
    error_message = "max_frame_kb must be a whole number of KB from 32 to 128, API Gateway's limit for a message."
  }
}

variable "functions" {
  description = "Settings by function: connect, disconnect, poll, push or verify_jwt. What is left out keeps its default."
  type = map(object({
    memory_size             = optional(number)
    timeout                 = optional(number)
    reserved_concurrency    = optional(number)
    provisioned_concurrency = optional(number)
    architecture            = optional(string)
    runtime                 = optional(string)
    environment             = optional(map(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), ["connect", "disconnect", "poll", "push", "verify_jwt"])) == 0
    error_message = "functions has a key that is no function: write connect, disconnect, poll, push or verify_jwt."
  }

  validation {
    condition     = alltrue([for settings in values(var.functions) : settings != null])
    error_message = "A function in functions is null: write {} or leave the function out to keep its defaults."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.memory_size, null) == null || (
        try(settings.memory_size >= 128 && settings.memory_size <= 10240 && floor(settings.memory_size) == settings.memory_size, false)
      )
    ])
    error_message = "memory_size must be a whole number of megabytes from 128 to 10240."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.timeout, null) == null || (
        try(settings.timeout >= 1 && settings.timeout <= 900 && floor(settings.timeout) == settings.timeout, false)
      )
    ])
    error_message = "timeout must be a whole number of seconds from 1 to 900."
  }

  validation {
    condition = alltrue([
      for function, settings in var.functions : function == "push" || try(settings.timeout, null) == null || try(settings.timeout <= 29, false)
    ])
    error_message = "timeout of connect, disconnect, poll and verify_jwt must be at most 29 seconds: API Gateway waits no longer for an answer."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.reserved_concurrency, null) == null || (
        try(settings.reserved_concurrency >= 0 && floor(settings.reserved_concurrency) == settings.reserved_concurrency, false)
      )
    ])
    error_message = "reserved_concurrency must be a whole number of at least 0 (0 stops the function); leave it out to reserve nothing."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.provisioned_concurrency, null) == null || (
        try(settings.provisioned_concurrency >= 1 && floor(settings.provisioned_concurrency) == settings.provisioned_concurrency, false)
      )
    ])
    error_message = "provisioned_concurrency must be a whole number of at least 1; leave it out to keep no environment warm."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) :
      try(settings.provisioned_concurrency, null) == null || try(settings.reserved_concurrency, null) == null ? true
      : settings.provisioned_concurrency <= settings.reserved_concurrency
    ])
    error_message = "provisioned_concurrency must not exceed reserved_concurrency, out of which it comes."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.architecture, null) == null || contains(["arm64", "x86_64"], coalesce(try(settings.architecture, null), "arm64"))
    ])
    error_message = "architecture must be \"arm64\" or \"x86_64\"."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.runtime, null) == null || contains(["python3.11", "python3.12", "python3.13", "python3.14"], coalesce(try(settings.runtime, null), "python3.13"))
    ])
    error_message = "runtime must be \"python3.11\", \"python3.12\", \"python3.13\" or \"python3.14\" (the last with a 6.x release of the provider that knows it)."
  }
}

variable "packages" {
  description = "Packages that were built elsewhere, by function, as in the root module, which also checks them. The others are built."
  type = map(object({
    filename          = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    source_code_hash  = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the functions' logs; 0 keeps them for ever."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, or 0 to keep the logs for ever: CloudWatch takes no other."
  }
}

variable "log_level" {
  description = "The lowest level that is logged, as in the root module, which also checks it."
  type        = string
  default     = "INFO"
  nullable    = false
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics, as in the root module, which also checks it; \"\" for none."
  type        = string
  default     = "WebSocketPush"
  nullable    = false
}

variable "tracing" {
  description = "Whether X-Ray traces the functions."
  type        = bool
  default     = false
  nullable    = false
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the log groups. Null: CloudWatch Logs encrypts them with a key of its own."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups of the functions, as in the root module, which also checks them. Null: they are in no VPC of the caller's."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "iam_roles" {
  description = "Path and permissions boundary of the functions' roles, as in the root module, which also checks them."
  type = object({
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags for the functions, their roles and log groups. A tag called Name replaces the default one."
  type        = map(string)
  default     = {}
  nullable    = false
}
