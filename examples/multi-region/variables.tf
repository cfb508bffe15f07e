variable "regions" {
  description = "The two Regions."
  type = object({
    first  = optional(string, "eu-central-1")
    second = optional(string, "us-east-1")
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Prefix of every resource name, the same in both Regions."
  type        = string
  default     = "push-multi-region"
  nullable    = false
}
