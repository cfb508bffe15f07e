# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

# The zone must exist: a domain is registered, not made.
data "aws_route53_zone" "this" {
  name = var.zone_name
}

resource "aws_acm_certificate" "this" {
  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# ACM sees by these records that the domain is yours. One for each name of the certificate, and it has one.
resource "aws_route53_record" "validation" {
  for_each = toset([var.domain_name])

  zone_id         = data.aws_route53_zone.this.zone_id
  name            = one(aws_acm_certificate.this.domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this.domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this.domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

module "push" {
  source = "../../"

  name = "push-custom-domain"

  # A trial: clients are not authenticated, and terraform destroy may delete the tables.
  allow_anonymous     = true
  deletion_protection = false

  custom_domain = {
    domain_name = var.domain_name
    # The validated certificate: API Gateway takes no other.
    certificate_arn = aws_acm_certificate_validation.this.certificate_arn
    hosted_zone_id  = data.aws_route53_zone.this.zone_id
    mapping_key     = var.mapping_key
  }
}
