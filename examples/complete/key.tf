# One key for tables and logs. Its policy leaves to IAM who of this account may use it, and lets CloudWatch Logs encrypt the
# module's log groups by it.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# Its ARN names the Region, in an attribute that both 5.x and 6.x of the provider have.
resource "aws_kms_key" "push" {
  description         = "Tables and logs of ${local.name}"
  enable_key_rotation = true
}

locals {
  region = split(":", aws_kms_key.push.arn)[3]
  groups = [
    for group in ["/aws/lambda/${local.name}-*", "/aws/apigateway/${local.name}-*"] :
    "arn:${data.aws_partition.current.partition}:logs:${local.region}:${data.aws_caller_identity.current.account_id}:log-group:${group}"
  ]
}

resource "aws_kms_key_policy" "push" {
  key_id = aws_kms_key.push.key_id

  # In a key's policy, * is the key.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "IAM"
        Effect    = "Allow"
        Action    = "kms:*"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = local.groups } }
      },
    ]
  })
}
