variable "name" {
  description = "Name of the API, and prefix of the names in its tags."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) >= 1 && length(var.name) <= 128
    error_message = "name must have 1 to 128 characters: API Gateway takes no longer API name."
  }
}

variable "stage_name" {
  description = "Name of the stage: the last part of the WebSocket URL."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name must be 1 to 128 letters, digits, hyphens and underscores, such as \"live\"; \"$default\" exists for HTTP APIs only."
  }
}

variable "function_names" {
  description = "Names of the Lambda functions behind the routes and, if there is one, of the authorizer that decides who may connect, all in the API's account and Region. Names that are known before the functions exist: see the comment on their URIs."
  type = object({
    connect    = string
    disconnect = string
    poll       = string
    push       = string
    authorizer = optional(string)
  })
  nullable = false
}

variable "function_arns" {
  description = "ARNs of the same functions once they exist: what API Gateway is permitted to invoke, and what the stage waits for."
  type = object({
    connect    = string
    disconnect = string
    poll       = string
    push       = string
    authorizer = optional(string)
  })
  nullable = false
}

variable "function_aliases" {
  description = "By function, the alias to invoke it by, for those that have one. Names that are known before the aliases exist."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "existing_aliases" {
  description = "The same, once the aliases exist: what API Gateway is permitted to invoke."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "client_push" {
  description = "Who a client may push to. With \"none\" the push action is answered like an unknown one, no function is invoked for it, and API Gateway has no permission to invoke the push function."
  type        = string
  default     = "self"
  nullable    = false

  validation {
    condition     = contains(["none", "self", "any"], var.client_push)
    error_message = "client_push must be \"none\" (clients cannot push), \"self\" (a client may push to its own user) or \"any\" (to every user)."
  }
}

variable "throttling" {
  description = "Ceiling for each route of the stage: messages per second, and the size of a burst above it. The account's own quota (10,000 and 5,000 unless raised) holds as well."
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

variable "access_logs" {
  description = "Access logs of the stage: retention_days (0 keeps them for ever), and source_ip, whether they hold the clients' addresses. Null: none."
  type = object({
    retention_days = number
    source_ip      = optional(bool, false)
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
