variable "name" {
  description = "Name of the instance, and prefix of the names of the autoscaling policies. It is stored in the state, because another name would replace the tables."
  type        = string
  nullable    = false
}

variable "region" {
  description = "The provider's Region, known when planning. It is stored in the state, so that a plan in another Region is refused; null to store none."
  type        = string
  default     = null
}

variable "table_names" {
  description = "Names of the tables."
  type = object({
    clients       = string
    notifications = string
    subscriptions = optional(string)
  })
  nullable = false
}

variable "topics" {
  description = "Whether there are topics, and so a table of subscriptions."
  type        = bool
  default     = false
  nullable    = false
}

variable "stream" {
  description = "Whether the clients table has a stream of its changes, with the rows before and after."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables."
  type        = bool
  default     = true
  nullable    = false
}

variable "billing" {
  description = <<-EOT
    How DynamoDB bills the tables:
    - `mode`: `PAY_PER_REQUEST` or `PROVISIONED`.
    - `clients`, `notifications`, `subscriptions`: capacity of each table with `PROVISIONED`, at least `read_capacity` and `write_capacity`, at
      most `read_capacity_max` and `write_capacity_max`.
    - `clients_index`: fixed capacity of the index with `PROVISIONED`.
    - `target_utilization`: percentage of the capacity that autoscaling aims at.
  EOT
  type = object({
    mode = string
    clients = object({
      read_capacity      = number
      read_capacity_max  = optional(number)
      write_capacity     = number
      write_capacity_max = optional(number)
    })
    clients_index = object({
      read_capacity  = number
      write_capacity = number
    })
    notifications = object({
      read_capacity      = number
      read_capacity_max  = optional(number)
      write_capacity     = number
      write_capacity_max = optional(number)
    })
    subscriptions = optional(object({
      read_capacity      = number
      read_capacity_max  = optional(number)
      write_capacity     = number
      write_capacity_max = optional(number)
    }))
    target_utilization = number
  })
  nullable = false
}

variable "point_in_time_recovery" {
  description = "Whether the tables can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the tables. Null: the account's key aws/dynamodb."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for the tables and their autoscaling targets. A tag called Name replaces the default one, the table's name."
  type        = map(string)
  default     = {}
  nullable    = false
}
