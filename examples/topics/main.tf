# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

locals {
  # Cognito, Auth0 and most other issuers publish their keys there.
  jwks_uri = coalesce(var.jwks_uri, "${trimsuffix(var.issuer, "/")}/.well-known/jwks.json")
}

# The tokens say which topics their clients may listen to: those of their tenant.
module "push" {
  source = "../../"

  name = var.name

  jwt = {
    issuer                  = var.issuer
    audience                = var.audience
    jwks_uri                = local.jwks_uri
    topics_claim            = "topics"
    allow_insecure_loopback = var.allow_insecure_loopback
  }
  allowed_origins = var.allowed_origins

  topics = {}

  # A trial: terraform destroy may delete the tables.
  deletion_protection = false
}
