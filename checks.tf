# What is read for checks of the inputs alone, without asking AWS: no resource uses it, so nothing changes when depends_on on
# the module has it read again.
data "aws_region" "current" {}

data "aws_default_tags" "current" {}

locals {
  # Regions whose quota for the requests of an account is 2,500 per second, with bursts of 1,250, unless raised (API Gateway
  # developer guide, "Amazon API Gateway quotas").
  smaller_quota = contains([
    "af-south-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-west-1",
    "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "mx-central-1",
  ], data.aws_region.current.id)

  quota = local.smaller_quota ? { rate = 2500, burst = 1250 } : { rate = 10000, burst = 5000 }
}

# A warning, because an account's quota may have been raised.
check "throttling" {
  assert {
    condition = (
      var.throttling.rate_limit <= local.quota.rate && var.throttling.burst_limit <= local.quota.burst
    )
    error_message = "throttling is above what an account may do in this Region unless its quota was raised: ${local.smaller_quota ? "2,500 requests per second and bursts of 1,250" : "10,000 requests per second and bursts of 5,000"}. The account's quota holds first: set rate_limit and burst_limit within it, or have it raised."
  }
}
