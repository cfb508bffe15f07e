variable "enabled" {
  description = "Whether a destroy is refused."
  type        = bool
  nullable    = false
}
