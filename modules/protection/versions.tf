terraform {
  required_version = ">= 1.9"

  required_providers {
    # 6.29.0 crashes over the index of the clients table. 7 may remove its hash_key, which 5.100 requires.
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, != 6.29.0, < 7.0"
    }
  }
}
