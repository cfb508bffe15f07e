variable "name" {
  description = "Prefix of every resource name, unique in the account and Region."
  type        = string
  default     = "push-by-topic"
  nullable    = false
}

variable "issuer" {
  description = "What the tokens' iss claim says, such as \"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI\" for a Cognito user pool."
  type        = string
  nullable    = false
}

variable "audience" {
  description = "What the tokens' aud claim may say: for Cognito's ID tokens, the ids of the app clients. Empty accepts every audience."
  type        = list(string)
  nullable    = false
}

variable "jwks_uri" {
  description = "Where the issuer publishes its keys, if not at /.well-known/jwks.json below the issuer."
  type        = string
  default     = null
}

variable "allowed_origins" {
  description = "Origins of the pages that may connect, such as [\"https://app.example.com\"]. Empty accepts all."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "allow_insecure_loopback" {
  description = "Accept http for a jwks_uri on this machine's loopback: for a trial on a local AWS, with a local issuer."
  type        = bool
  default     = false
  nullable    = false
}
