module "vpc_without_subnets" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = [], security_group_ids = ["sg-1"] } # refused: vpc needs at least
}

module "vpc_without_security_groups" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = ["subnet-1"], security_group_ids = [] } # refused: vpc needs at least
}

module "vpc_with_too_many_security_groups" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6"] } # refused: vpc needs at least
}

module "vpc_with_no_subnet" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = ["sg-1"], security_group_ids = ["sg-1"] } # refused: vpc.subnet_ids must list ids
}

module "vpc_with_no_security_group" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = ["subnet-1"], security_group_ids = ["subnet-1"] } # refused: vpc.subnet_ids must list ids
}

module "vpc_with_null" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = null, security_group_ids = ["sg-1"] } # refused: vpc.subnet_ids must list ids
}

module "path_without_a_slash_at_the_end" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { path = "/push" } # refused: iam_roles.path must begin and
}

module "path_without_a_slash_at_the_beginning" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { path = "push/" } # refused: iam_roles.path must begin and
}

module "path_too_long" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { path = "/${join("", [for number in range(511) : "a"])}/" } # refused: iam_roles.path must begin and
}

module "boundary_that_is_a_role" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { permissions_boundary_arn = "arn:aws:iam::123456789012:role/boundary" } # refused: iam_roles.permissions_boundary_arn must be the
}

module "domain_with_a_scheme" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = "wss://push.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "domain_of_any_name" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = "*.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "domain_without_a_dot" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = "localhost"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "domain_in_upper_case" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = "Push.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "domain_too_long" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = "${join(".", [for number in range(64) : "abc"])}"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "domain_that_is_null" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.domain_name must be a
    domain_name     = null
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "certificate_of_iam" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.certificate_arn must be the
    domain_name     = "push.example.com"
    certificate_arn = "arn:aws:iam::123456789012:server-certificate/push"
  }
}

module "zone_with_its_path" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.hosted_zone_id must be the
    domain_name     = "push.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    hosted_zone_id  = "/hostedzone/Z1"
  }
}

module "mapping_key_with_a_slash" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.mapping_key must be 1
    domain_name     = "push.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    mapping_key     = "v1/push"
  }
}

module "mapping_key_of_nothing" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = { # refused: custom_domain.mapping_key must be 1
    domain_name     = "push.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    mapping_key     = ""
  }
}

module "seventeen_subnets" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = [for number in range(17) : "subnet-${number}"], security_group_ids = ["sg-1"] } # refused: vpc.subnet_ids must have at
}

module "six_security_groups" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = ["subnet-1"], security_group_ids = [for number in range(6) : "sg-${number}"] } # refused: vpc needs at least
}

module "a_certificate_of_another_region" {
  source = "../../../"

  allow_anonymous = true
  custom_domain   = { domain_name = "push.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234" } # refused: custom_domain.certificate_arn is in another
}

module "boundary_of_aws" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess" }
}

module "smallest_domain_that_is_accepted" {
  source = "../../../"

  allow_anonymous = true
  custom_domain = {
    domain_name     = "a.b"
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  }
}

module "sixteen_subnets" {
  source = "../../../"

  allow_anonymous = true
  vpc             = { subnet_ids = [for number in range(16) : "subnet-${number}"], security_group_ids = ["sg-1"] }
}

module "a_boundary_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { permissions_boundary_arn = "arn:aws-cn:iam::123456789012:policy/boundary" } # refused: iam_roles.permissions_boundary_arn is in another
}

module "a_boundary_without_a_name" {
  source = "../../../"

  allow_anonymous = true
  iam_roles       = { permissions_boundary_arn = "arn:aws:iam::123456789012:policy/" } # refused: iam_roles.permissions_boundary_arn must be the
}

module "a_certificate_of_another_partition" {
  source = "../../../"

  allow_anonymous = true
  custom_domain   = { domain_name = "push.example.com", certificate_arn = "arn:aws-cn:acm:eu-central-1:123456789012:certificate/1234" } # refused: custom_domain.certificate_arn is in another
}
