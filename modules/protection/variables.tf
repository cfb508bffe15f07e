variable "enabled" {
  description = "Whether a destroy is refused."
  type        = bool
  nullable    = false
}

variable "topics" {
  description = "Whether there are topics, and so a table that goes with them."
  type        = bool
  default     = false
  nullable    = false
}
