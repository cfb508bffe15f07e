# Credentials come from the environment (AWS_PROFILE and the like).
provider "aws" {
  region = var.regions.first
}

provider "aws" {
  alias  = "second"
  region = var.regions.second
}

# The same module under the same name in two Regions. Each is whole by itself, with its own tables: a client connects to
# one of them, and a backend pushes to both, which costs one invocation more and needs no replication.
module "first" {
  source = "../../"

  name                = var.name
  allow_anonymous     = true
  deletion_protection = false
}

module "second" {
  source    = "../../"
  providers = { aws = aws.second }

  name                = var.name
  allow_anonymous     = true
  deletion_protection = false
}
