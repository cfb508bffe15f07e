# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

locals {
  # Cognito, Auth0 and most other issuers publish their keys there.
  jwks_uri = coalesce(var.jwks_uri, "${trimsuffix(var.issuer, "/")}/.well-known/jwks.json")
}

# Clients connect with a token of the issuer, as the user that its claim sub names, until it expires.
module "push" {
  source = "../../"

  name = var.name

  jwt = {
    issuer                  = var.issuer
    audience                = var.audience
    jwks_uri                = local.jwks_uri
    allow_insecure_loopback = var.allow_insecure_loopback
  }
  allowed_origins = var.allowed_origins
  client_push     = "self"

  # Who is online, disconnect, revoke.
  control = {}

  # What a user has read, the same on every device.
  inbox = {}

  # A trial: terraform destroy may delete the tables.
  deletion_protection = false
}
