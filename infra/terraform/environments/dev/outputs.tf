output "github_variables" {
  description = "Variables of the repository that the workflows read."
  value       = module.platform.github_variables
}

output "service_url" {
  description = "URL of the service."
  value       = module.platform.service_url
}

output "accounts" {
  description = "Address of each account."
  value       = module.platform.accounts
}
