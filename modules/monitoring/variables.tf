variable "name" {
  description = "Prefix of the alarms' names, name of the dashboard, and the value of the dimension Name of the functions' metrics."
  type        = string
  nullable    = false
}

variable "metrics_namespace" {
  description = "Namespace of the functions' metrics; \"\" if they send none, and then no alarm or graph uses them."
  type        = string
  nullable    = false
}

variable "function_names" {
  description = "Function names by key: connect, disconnect, poll, push, with control control, with inbox mark, with topics fanout and subscriptions, with events events, and if tokens are verified verify_jwt."
  type        = map(string)
  nullable    = false
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

variable "region" {
  description = "Region of the metrics and logs on the dashboard."
  type        = string
  nullable    = false
}

variable "api" {
  description = "The WebSocket API: its `id` and the name of its stage."
  type = object({
    id         = string
    stage_name = string
  })
  nullable = false
}

variable "queues" {
  description = "Names of the queues; null where there is none."
  type = object({
    dead_letter_queue_name            = optional(string)
    push_queue_name                   = optional(string)
    push_queue_dead_letter_queue_name = optional(string)
    fanout_queue_name                 = optional(string)
    fanout_dead_letter_queue_name     = optional(string)
    events_dead_letter_queue_name     = optional(string)
  })
  default  = {}
  nullable = false
}

variable "alarms" {
  description = "Alarms, as in the root module; null for none."
  type = object({
    sns_topic_arns = list(string)
    leave_out      = set(string)
    thresholds     = map(number)
  })
  default = null
}

variable "dashboard" {
  description = "Whether to create a dashboard."
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
