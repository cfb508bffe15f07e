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

variable "vpc" {
  description = "Subnets and security groups of the functions, with a way out to DynamoDB, to the API and to the issuer. Null: none."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "custom_domain" {
  description = "A domain name for clients, with its certificate and Route 53 zone. Null: the API's own address."
  type = object({
    domain_name     = string
    certificate_arn = string
    hosted_zone_id  = optional(string)
  })
  default = null
}

variable "provisioned" {
  description = "Whether the tables have provisioned capacity, as main.tf says, instead of being on demand."
  type        = bool
  default     = true
  nullable    = false
}

variable "keep_warm" {
  description = "Whether to keep environments of push and verify_jwt warm (provisioned concurrency). The account's quota of concurrent executions must allow it: a new account may have 10, of which nothing can be provisioned."
  type        = bool
  default     = false
  nullable    = false
}
