variable "mail_address" {
  description = "Where to mail what users were not there for; SNS asks the address to confirm. Null mails nothing."
  type        = string
  default     = null
}
