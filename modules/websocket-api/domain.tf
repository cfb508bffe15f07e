# The caller's domain name for the stage. Regional, with TLS 1.2 or newer: WebSocket APIs support nothing else.
locals {
  # length fails for null, and is 1 also for what is not known yet.
  has_domain = nonsensitive(can(length([var.custom_domain.domain_name])))
  has_zone   = nonsensitive(can(length([trimspace(var.custom_domain.hosted_zone_id)])))

  domains = { for key in local.has_domain ? ["this"] : [] : key => var.custom_domain }
  records = { for key, domain in local.domains : key => domain if local.has_zone }
}

resource "aws_apigatewayv2_domain_name" "this" {
  for_each = local.domains

  domain_name = each.value.domain_name

  domain_name_configuration {
    certificate_arn = each.value.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  tags = merge({ Name = each.value.domain_name }, var.tags)
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = local.domains

  api_id          = var.api.id
  domain_name     = aws_apigatewayv2_domain_name.this[each.key].domain_name
  stage           = aws_apigatewayv2_stage.this.name
  api_mapping_key = each.value.mapping_key

  # API Gateway refuses to delete a stage that is mapped. A stage of another name is a new one, so the mapping is deleted
  # before it and created after it.
  lifecycle {
    replace_triggered_by = [aws_apigatewayv2_stage.this.id]
  }
}

resource "aws_route53_record" "this" {
  for_each = local.records

  zone_id = each.value.hosted_zone_id
  name    = aws_apigatewayv2_domain_name.this[each.key].domain_name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
