variable "name" {
  description = "Prefix of every resource name, unique in the account and Region."
  type        = string
  default     = "websocket-push"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 48 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"websocket-push\"."
  }
}

variable "tags" {
  description = "Tags for every resource that takes tags. A tag called Name replaces the default one, the resource's name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.tags : can(regex("^.{1,128}$", key)) && !startswith(lower(key), "aws:") && length(coalesce(value, " ")) <= 256 && value != null
    ])
    error_message = "A tag's key must have 1 to 128 characters and not begin with \"aws:\", which AWS keeps for itself; its value must be a string of at most 256 characters (\"\" for none)."
  }

  validation {
    condition     = length(var.tags) <= 49
    error_message = "tags must have at most 49 entries: AWS takes 50 on a resource, and this module adds Name."
  }
}

variable "allow_anonymous" {
  description = "Accept clients that nobody has authenticated, each as the user that its ?userId= names. For trials only: whoever knows the URL can then read and push as anyone."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.allow_anonymous
    error_message = "Nothing would authenticate the clients: this version of the module has no authorizer, so whoever knows the URL could connect as any user, read that user's notifications and push as that user. If that is acceptable because this is a trial without real users' data, write allow_anonymous = true."
  }
}

variable "client_push" {
  description = "Who a client may push to over its WebSocket: \"none\" (clients cannot push), \"self\" (its own user) or \"any\" (every user). Backends push through the push function whatever is set here."
  type        = string
  default     = "self"
  nullable    = false

  validation {
    condition     = contains(["none", "self", "any"], var.client_push)
    error_message = "client_push must be \"none\" (clients cannot push), \"self\" (a client may push to its own user) or \"any\" (to every user)."
  }
}

variable "persist_by_default" {
  description = "Whether a notification is kept for clients that are away when its push request does not say."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_ttl" {
  description = "Seconds for which a notification is kept when its push request does not say: from a minute to 365 days, by default a week."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.notification_ttl >= 60 && var.notification_ttl <= 31536000 && floor(var.notification_ttl) == var.notification_ttl
    error_message = "notification_ttl must be a whole number of seconds from 60 (a minute) to 31536000 (365 days), such as 604800 for a week."
  }
}

variable "stage_name" {
  description = "Name of the API's stage, the last part of the WebSocket URL. Changing it changes the URL and drops every connection."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name must be 1 to 128 letters, digits, hyphens and underscores, such as \"live\"; \"$default\" exists for HTTP APIs only."
  }
}

variable "throttling" {
  description = "Ceiling for each route: messages per second (rate_limit), and the size of a burst above it (burst_limit). The account's own quota, 10,000 and 5,000 unless raised, holds as well."
  type = object({
    rate_limit  = optional(number, 10000)
    burst_limit = optional(number, 5000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.rate_limit >= 1
    error_message = "throttling.rate_limit must be at least 1 message per second; 0 would refuse every message."
  }

  validation {
    condition     = var.throttling.burst_limit >= 1 && floor(var.throttling.burst_limit) == var.throttling.burst_limit
    error_message = "throttling.burst_limit must be a whole number of at least 1; 0 would refuse every message."
  }
}

variable "functions" {
  description = "Settings by function (connect, disconnect, poll, push): memory_size in MB (256; push 512), timeout in seconds (10; push 30), reserved_concurrency (none), architecture (arm64) and runtime (python3.13). What is left out keeps the default in brackets."
  type = map(object({
    memory_size          = optional(number)
    timeout              = optional(number)
    reserved_concurrency = optional(number)
    architecture         = optional(string)
    runtime              = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), ["connect", "disconnect", "poll", "push"])) == 0
    error_message = "functions has a key that is no function: write connect, disconnect, poll or push."
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
    error_message = "timeout of connect, disconnect and poll must be at most 29 seconds: API Gateway waits no longer for an answer."
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

variable "tracing" {
  description = "Whether X-Ray traces the functions. Traces are billed by X-Ray."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. Set it to false and apply before terraform destroy."
  type        = bool
  default     = true
  nullable    = false
}
