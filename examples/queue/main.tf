# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# Backends hand push requests over by SQS and go on. A trial: nobody is authenticated (allow_anonymous), and terraform
# destroy may delete the tables (deletion_protection).
module "push" {
  source = "../../"

  name = "push-by-queue"

  push_queue = {
    maximum_concurrency = 20
  }

  # What is invoked asynchronously, without the queue, is given up after an hour.
  async_invocation = {
    maximum_event_age = 3600
  }

  allow_anonymous     = true
  deletion_protection = false
}
