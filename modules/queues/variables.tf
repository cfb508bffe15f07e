variable "queue_names" {
  description = "Names of the queues."
  type = object({
    control            = string
    dead_letter        = string
    events             = optional(string)
    events_dead_letter = optional(string)
    fanout             = string
    fanout_dead_letter = string
    push               = string
    push_dead_letter   = string
  })
  nullable = false
}

variable "queue_arns" {
  description = "ARNs of the queues, for their own policies."
  type = object({
    control            = string
    dead_letter        = string
    events             = optional(string)
    events_dead_letter = optional(string)
    fanout             = string
    fanout_dead_letter = string
    push               = string
    push_dead_letter   = string
  })
  nullable = false
}

variable "push_function" {
  description = <<-EOT
    The push function:
    - `name`, `arn`: without version or alias.
    - `alias`: name of its alias; null without one.
    - `invocation_arn`: ARN to invoke it by: that of the alias, if there is one.
    - `timeout`: in seconds. The queue's visibility timeout is longer.
  EOT
  type = object({
    name           = string
    arn            = string
    alias          = optional(string)
    invocation_arn = string
    timeout        = number
  })
  nullable = false
}

variable "control_function" {
  description = "The control function, which sends itself messages: its `name`, its `invocation_arn` (the alias if there is one) and its `timeout` in seconds; null for neither function nor queue."
  type = object({
    name           = string
    invocation_arn = string
    timeout        = number
  })
  default = null
}

variable "push_queue" {
  description = "The queue of push requests and its event source mapping, as in the root module; null for none."
  type = object({
    batch_size              = number
    maximum_batching_window = number
    maximum_concurrency     = number
    max_receive_count       = number
    source_arns             = list(string)
  })
  default = null
}

variable "fan_out" {
  description = <<-EOT
    The function that the fan-out queue feeds; null for neither:
    - `function`: its `name`, `invocation_arn` (the alias if there is one) and `timeout` in seconds.
    - `workers`: how many run side by side.
  EOT
  type = object({
    function = object({
      name           = string
      invocation_arn = string
      timeout        = number
    })
    workers = number
  })
  default = null
}

variable "events" {
  description = <<-EOT
    The function that the stream of the clients table and the events queue feed; null for neither:
    - `function`: its `name`, `invocation_arn` (the alias if there is one) and `timeout` in seconds.
    - `stream_arn`: the stream.
  EOT
  type = object({
    function = object({
      name           = string
      invocation_arn = string
      timeout        = number
    })
    stream_arn = string
  })
  default = null
}

variable "async_invocation" {
  description = "How Lambda retries an asynchronous invocation that fails: for at most `maximum_event_age` seconds, and `maximum_retry_attempts` times."
  type = object({
    maximum_event_age      = number
    maximum_retry_attempts = number
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the queues; null for keys of SQS (SSE-SQS)."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the queues. A tag called Name replaces the default one, the queue's name."
  type        = map(string)
  default     = {}
  nullable    = false
}
