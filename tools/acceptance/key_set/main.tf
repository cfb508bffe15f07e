# A key set that AWS can reach over TLS, for as long as a verification runs: a fixed answer of API Gateway, with neither a
# function nor a bucket behind it.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

# Region and credentials come from the environment (AWS_REGION, AWS_PROFILE and the like).
provider "aws" {}

variable "name" {
  description = "What the API is called."
  type        = string
  nullable    = false
}

variable "key_set" {
  description = "The key set, as JSON: public keys only."
  type        = string
  nullable    = false
}

resource "aws_api_gateway_rest_api" "this" {
  name        = var.name
  description = "Public keys of a verification"

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_resource" "well_known" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_rest_api.this.root_resource_id
  path_part   = ".well-known"
}

resource "aws_api_gateway_resource" "key_set" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  parent_id   = aws_api_gateway_resource.well_known.id
  path_part   = "jwks.json"
}

resource "aws_api_gateway_method" "this" {
  #checkov:skip=CKV_AWS_59:A key set is public by its nature, and this one lives for as long as a verification runs.
  #checkov:skip=CKV2_AWS_53:The answer is the same whatever is asked, so there is no request to check.
  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = aws_api_gateway_resource.key_set.id
  http_method   = "GET"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "this" {
  rest_api_id       = aws_api_gateway_rest_api.this.id
  resource_id       = aws_api_gateway_resource.key_set.id
  http_method       = aws_api_gateway_method.this.http_method
  type              = "MOCK"
  request_templates = { "application/json" = jsonencode({ statusCode = 200 }) }
}

resource "aws_api_gateway_method_response" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  resource_id = aws_api_gateway_resource.key_set.id
  http_method = aws_api_gateway_method.this.http_method
  status_code = "200"
}

resource "aws_api_gateway_integration_response" "this" {
  rest_api_id        = aws_api_gateway_rest_api.this.id
  resource_id        = aws_api_gateway_resource.key_set.id
  http_method        = aws_api_gateway_method.this.http_method
  status_code        = aws_api_gateway_method_response.this.status_code
  response_templates = { "application/json" = var.key_set }

  # API Gateway refuses it before there is an integration.
  depends_on = [aws_api_gateway_integration.this]
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  triggers    = { key_set = sha256(var.key_set) }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_integration_response.this]
}

resource "aws_api_gateway_stage" "this" {
  #checkov:skip=CKV_AWS_73:It lives for as long as a verification runs, and its one answer needs no traces.
  #checkov:skip=CKV_AWS_76:It lives for as long as a verification runs, and access logs need a role of the whole account.
  #checkov:skip=CKV_AWS_120:It lives for as long as a verification runs, and a cache would be billed by the hour.
  #checkov:skip=CKV2_AWS_4:It lives for as long as a verification runs, and logs need a role of the whole account.
  #checkov:skip=CKV2_AWS_29:Its one answer is public and the same for everyone; there is nothing for a firewall to keep.
  #checkov:skip=CKV2_AWS_51:A key set is public by its nature, so no certificate is asked of those who read it.
  rest_api_id   = aws_api_gateway_rest_api.this.id
  deployment_id = aws_api_gateway_deployment.this.id
  stage_name    = "keys"
}

output "issuer" {
  description = "URL below which the key set is, as issuers have it."
  value       = aws_api_gateway_stage.this.invoke_url
}
