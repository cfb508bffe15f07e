# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

module "push" {
  source = "../../"

  name = "push-checked"

  jwt = {
    issuer   = var.issuer
    audience = var.audience
    jwks_uri = "${trimsuffix(var.issuer, "/")}/.well-known/jwks.json"
  }
}
