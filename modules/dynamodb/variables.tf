variable "name" {
  description = "Prefix of the table names: the tables are called <name>-clients and <name>-notifications."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 48 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"websocket-push\"."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. While it is on, terraform destroy fails at the tables."
  type        = bool
  default     = true
  nullable    = false
}

variable "billing" {
  description = "How the tables are billed, as in the root module, which also checks it: mode, and for PROVISIONED the capacity of each table, between read_capacity and read_capacity_max, write_capacity and write_capacity_max, and the index's fixed capacity."
  type = object({
    mode = optional(string, "PAY_PER_REQUEST")
    clients = optional(object({
      read_capacity      = optional(number, 5)
      read_capacity_max  = optional(number)
      write_capacity     = optional(number, 5)
      write_capacity_max = optional(number)
    }), {})
    clients_index = optional(object({
      read_capacity  = optional(number, 5)
      write_capacity = optional(number, 5)
    }), {})
    notifications = optional(object({
      read_capacity      = optional(number, 5)
      read_capacity_max  = optional(number)
      write_capacity     = optional(number, 5)
      write_capacity_max = optional(number)
    }), {})
    target_utilization = optional(number, 70)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.billing.mode)
    error_message = "billing.mode must be \"PAY_PER_REQUEST\" (on demand) or \"PROVISIONED\"."
  }
}

variable "point_in_time_recovery" {
  description = "Whether the tables can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the tables. Null: the account's key aws/dynamodb does."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for both tables and what scales them. A tag called Name replaces the default one, the table's name."
  type        = map(string)
  default     = {}
  nullable    = false
}
