variable "name" {
  description = "Name of the API, and prefix of the names in its tags."
  type        = string
  nullable    = false
}

variable "stage_name" {
  description = "Name of the stage: the last part of the WebSocket URL."
  type        = string
  nullable    = false
}

variable "api" {
  description = "The API: its `id`, its `account_id`, its `endpoint` without a stage, its `execution_arn` and its `route_selection_expression`."
  type = object({
    id                         = string
    account_id                 = string
    endpoint                   = string
    execution_arn              = string
    route_selection_expression = string
  })
  nullable = false
}

variable "invocation_uris" {
  description = "URIs by which API Gateway invokes the functions, by key: connect, disconnect, poll, push, with inbox mark, with topics subscriptions and, where connections are authorized, authorizer. They are known before the functions exist."
  type        = map(string)
  nullable    = false
}

variable "function_arns" {
  description = "ARNs of the functions that API Gateway is permitted to invoke, by the same keys."
  type        = map(string)
  nullable    = false
}

variable "function_aliases" {
  description = "Names of the aliases that are invoked, by the same keys, for functions that have one."
  type        = map(string)
  nullable    = false
}

variable "client_push" {
  description = "Who a client may push to. With \"none\" the push action is answered like an unknown one, no function is invoked for it, and API Gateway has no permission to invoke the push function."
  type        = string
  nullable    = false
}

variable "inbox" {
  description = "Whether clients may mark notifications. Without inboxes, that action is unknown."
  type        = bool
  default     = false
  nullable    = false
}

variable "topics" {
  description = "Whether clients may subscribe to topics. Without topics, these actions are unknown."
  type        = bool
  default     = false
  nullable    = false
}

variable "throttling" {
  description = "Limits of each route of the stage: messages per second, and the size of a burst above that; the routes on which clients send have their own limits."
  type = object({
    rate_limit         = number
    burst_limit        = number
    client_rate_limit  = number
    client_burst_limit = number
  })
  nullable = false
}

variable "access_logs" {
  description = "Access logs of the stage: `retention_days` (0 keeps them indefinitely) and `source_ip`, whether they hold the clients' addresses. Null for none."
  type = object({
    retention_days = number
    source_ip      = bool
  })
  default = null
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the access logs. Null: CloudWatch Logs encrypts them with its own key."
  type        = string
  default     = null
}

variable "custom_domain" {
  description = "Domain name of the stage, as in the root module; null for the API's own address."
  type = object({
    domain_name     = string
    certificate_arn = string
    hosted_zone_id  = optional(string)
    mapping_key     = optional(string)
  })
  default = null
}

variable "tags" {
  description = "Tags for the API, the stage, the access logs and the domain name. A tag called Name replaces the default one."
  type        = map(string)
  default     = {}
  nullable    = false
}
