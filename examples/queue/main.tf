# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# Backends send push requests through SQS and do not wait. A trial: clients are not authenticated (allow_anonymous), and
# terraform destroy may delete the tables (deletion_protection).
module "push" {
  source = "../../"

  name = "push-by-queue"

  push_queue = {
    maximum_concurrency = 20
  }

  # Asynchronous invocations, without the queue, are retried for at most an hour.
  async_invocation = {
    maximum_event_age = 3600
  }

  allow_anonymous     = true
  deletion_protection = false
}
