variable "zone_name" {
  description = "Name of the public Route 53 zone, such as \"example.com\"."
  type        = string
  nullable    = false
}

variable "domain_name" {
  description = "Name for clients to connect to, in that zone, such as \"push.example.com\"."
  type        = string
  nullable    = false
}

variable "mapping_key" {
  description = "Path below the name, such as \"v1\". Null: none."
  type        = string
  default     = null
}
