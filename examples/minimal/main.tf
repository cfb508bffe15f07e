# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# A trial: clients are not authenticated (allow_anonymous), and terraform destroy may delete the tables
# (deletion_protection).
module "push" {
  source              = "../../"
  allow_anonymous     = true
  client_push         = "self"
  deletion_protection = false
}
