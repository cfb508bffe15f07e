# Data that only checks read, without asking AWS: no resource depends on it, so nothing is updated when depends_on on
# the module makes Terraform read it again.
data "aws_service" "api" {
  service_id = "execute-api"
}

data "aws_default_tags" "current" {}

locals {
  # The provider's Region, known before the API exists. data.aws_region has no attribute for it that is right for both
  # 5.100 (id, name) and 6 (region).
  provider_region    = data.aws_service.api.region
  provider_partition = data.aws_service.api.partition
  # A string, because Terraform 1.9 treats a list with unknown members as different.
  provider_place = "${local.provider_partition}:${local.provider_region}"

  # Regions whose quota for the requests of an account is 2,500 per second, with bursts of 1,250, unless raised (API Gateway
  # developer guide, "Amazon API Gateway quotas"). In all others it is 10,000 and 5,000.
  regions_with_smaller_quota = [
    "af-south-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-west-1",
    "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "mx-central-1",
  ]
  default_quota = { rate_limit = 10000, burst_limit = 5000 }
  smaller_quota = { rate_limit = 2500, burst_limit = 1250 }
  checked_quota = contains(local.regions_with_smaller_quota, local.provider_region) ? local.smaller_quota : local.default_quota

  # Capacity units of a table where the input names none.
  default_capacity = 5

  # Regions between which SNS sends to queues under its usual name. Where any other takes part, SNS has a name with that
  # Region (SNS developer guide, "Sending Amazon SNS messages to an Amazon SQS queue or AWS Lambda function in a
  # different Region"). The list is complete: Regions since March 2019 are all opt-in Regions.
  regions_by_default = [
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
    "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    "cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1",
  ]
}

# Warnings, because an account's quota may have been raised.
check "throttling" {
  assert {
    condition = alltrue(flatten([
      for limit, smallest in local.smaller_quota : [
        for given in [var.throttling[limit], var.throttling["client_${limit}"]] :
        # The Region may be known late. Without it, what every Region allows applies.
        coalesce(given, smallest) <= smallest ? true : given <= local.checked_quota[limit]
      ]
    ]))
    error_message = "throttling is above what an account may do in this Region unless its quota was raised: ${local.checked_quota.rate_limit} requests per second and bursts of ${local.checked_quota.burst_limit}. The account's quota applies first: set rate_limit and burst_limit within it, or have it raised."
  }
}

check "broadcast_rate" {
  assert {
    condition = (
      try(coalesce(var.topics.broadcast_rate), 0) <= local.smaller_quota.rate_limit ? true
      : var.topics.broadcast_rate <= local.checked_quota.rate_limit
    )
    error_message = "topics.broadcast_rate is above what an account may send in this Region unless its quota was raised: ${local.checked_quota.rate_limit} requests per second, which all pushes share. Set it below that, or have the quota raised."
  }
}
