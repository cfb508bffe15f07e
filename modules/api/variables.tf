variable "name" {
  description = "Name of the API."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of the API. A tag called Name replaces the default one."
  type        = map(string)
  default     = {}
  nullable    = false
}
