variable "issuer" {
  description = "Issuer of the tokens, as their iss claim has it."
  type        = string
  default     = "https://issuer.example"
  nullable    = false
}

variable "audience" {
  description = "Audiences of the tokens, one of which their aud claim must name."
  type        = list(string)
  default     = ["push"]
  nullable    = false
}
