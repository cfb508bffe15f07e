output "enabled" {
  description = "Whether a destroy is refused."
  value       = terraform_data.this.output
}
