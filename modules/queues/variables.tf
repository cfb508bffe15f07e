variable "name" {
  description = "Prefix of the queue names: <name>-dead-letters and, with push_queue, <name>-push and <name>-push-dead-letters."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 48 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"websocket-push\"."
  }
}

variable "arn_prefix" {
  description = "What the ARNs of this account's and Region's queues begin with, such as \"arn:aws:sqs:eu-central-1:123456789012\"."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}$", var.arn_prefix))
    error_message = "arn_prefix must be a queue's ARN without the colon and the name at its end, such as \"arn:aws:sqs:eu-central-1:123456789012\"."
  }
}

variable "push_function_timeout" {
  description = "Timeout of the push function in seconds: a message that it is working on stays hidden for longer."
  type        = number
  nullable    = false

  validation {
    condition     = var.push_function_timeout >= 1 && var.push_function_timeout <= 900 && floor(var.push_function_timeout) == var.push_function_timeout
    error_message = "push_function_timeout must be a whole number of seconds from 1 to 900."
  }
}

variable "push_queue" {
  description = "The queue of push requests, as in the root module, which also checks it. Null: there is none."
  type = object({
    maximum_batching_window = optional(number, 0)
    max_receive_count       = optional(number, 5)
    source_arns             = optional(list(string), [])
  })
  default = null
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the queues. Null: SQS encrypts them with keys of its own (SSE-SQS)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key, such as \"arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\": IAM does not look through an alias."
  }
}

variable "tags" {
  description = "Tags for the queues. A tag called Name replaces the default one, the queue's name."
  type        = map(string)
  default     = {}
  nullable    = false
}
