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
  description = "The API: its `id`, its `endpoint` without a stage, its `execution_arn` and its `route_selection_expression`."
  type = object({
    id                         = string
    endpoint                   = string
    execution_arn              = string
    route_selection_expression = string
  })
  nullable = false
}

variable "invocation_uris" {
  description = "By function (connect, disconnect, poll, push and, where connections are authorized, authorizer), the URI by which API Gateway invokes it. Known before the functions exist: see the root module."
  type        = map(string)
  nullable    = false
}

variable "function_arns" {
  description = "By the same keys, the ARN of the function once it exists, which API Gateway is permitted to invoke."
  type        = map(string)
  nullable    = false
}

variable "function_aliases" {
  description = "By the same keys, the name of the alias that is invoked, for functions that have one."
  type        = map(string)
  nullable    = false
}

variable "client_push" {
  description = "Who a client may push to. With \"none\" the push action is answered like an unknown one, no function is invoked for it, and API Gateway has no permission to invoke the push function."
  type        = string
  nullable    = false
}

variable "throttling" {
  description = "Ceiling for each route of the stage: messages per second, and the size of a burst above it; of poll and push the limits of clients. The account's own quota (10,000 and 5,000 unless raised) holds as well."
  type = object({
    rate_limit         = number
    burst_limit        = number
    client_rate_limit  = number
    client_burst_limit = number
  })
  nullable = false
}

variable "access_logs" {
  description = "Access logs of the stage: retention_days (0 keeps them for ever), and source_ip, whether they hold the clients' addresses. Null: none."
  type = object({
    retention_days = number
    source_ip      = bool
  })
  default = null
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the access logs. Null: CloudWatch Logs encrypts them with a key of its own."
  type        = string
  default     = null
}

variable "custom_domain" {
  description = "A domain name for the stage, as in the root module, which also checks it. Null: the API's own address."
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
