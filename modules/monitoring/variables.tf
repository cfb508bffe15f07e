variable "name" {
  description = "Prefix of the alarms' names, name of the dashboard, and the value of the dimension Name of the functions' metrics."
  type        = string
  nullable    = false
}

variable "metrics_namespace" {
  description = "Namespace of the functions' metrics; \"\" if they send none, and then nothing looks at them."
  type        = string
  nullable    = false
}

variable "function_names" {
  description = "Function names by key: connect, disconnect, poll, push and, if tokens are verified, verify_jwt."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["connect", "disconnect", "poll", "push"], keys(var.function_names))) == 0
    error_message = "function_names must have connect, disconnect, poll and push."
  }
}

variable "log_group_names" {
  description = "Names of the functions' log groups by key."
  type        = map(string)
  nullable    = false
}

variable "push_function_timeout" {
  description = "Timeout of the push function in seconds."
  type        = number
  nullable    = false
}

variable "api" {
  description = "The WebSocket API. execution_arn also says which Region all of this is in."
  type = object({
    api_id        = string
    execution_arn = string
    stage_name    = string
  })
  nullable = false
}

variable "queues" {
  description = "Names of the queues; null where there is none."
  type = object({
    dead_letter_queue_name            = optional(string)
    push_queue_name                   = optional(string)
    push_queue_dead_letter_queue_name = optional(string)
  })
  default  = {}
  nullable = false
}

variable "alarms" {
  description = "Alarms, as in the root module, which also checks them. Null: none."
  type = object({
    sns_topic_arns = optional(list(string), [])
    leave_out      = optional(set(string), [])
    thresholds = optional(object({
      authorizer_errors       = optional(number, 0)
      connections_refused     = optional(number, 100)
      dead_letters            = optional(number, 0)
      deliveries_failed       = optional(number, 10)
      errors                  = optional(number, 0)
      faults                  = optional(number, 0)
      keys_unavailable        = optional(number, 0)
      not_persisted           = optional(number, 0)
      push_duration           = optional(number, 80)
      push_queue_age          = optional(number, 300)
      push_queue_dead_letters = optional(number, 0)
      throttles               = optional(number, 0)
    }), {})
  })
  default = null
}

variable "dashboard" {
  description = "Whether there is a dashboard."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags for the alarms; a dashboard has none. A tag called Name replaces the default one."
  type        = map(string)
  default     = {}
  nullable    = false
}
