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

variable "tags" {
  description = "Tags for both tables. A tag called Name replaces the default one, the table's name."
  type        = map(string)
  default     = {}
  nullable    = false
}
