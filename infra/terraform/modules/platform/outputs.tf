output "github_variables" {
  description = "Variables of the repository that the workflows read."
  value = {
    GCP_PROJECT_ID                 = var.project
    GCP_REGION                     = var.region
    GCP_SERVICE                    = module.service.name
    GCP_IMAGE_REPOSITORY           = module.registry.url
    GCP_WORKLOAD_IDENTITY_PROVIDER = module.identity.provider
    GCP_DEPLOY_SERVICE_ACCOUNT     = module.identity.emails["deploy"]
    GCP_SMOKE_TEST_SERVICE_ACCOUNT = module.identity.emails["smoke"]
    GCP_DRIFT_SERVICE_ACCOUNT      = module.identity.emails["drift"]
    GCP_JOBS                       = join(" ", flatten([for one in module.jobs : values(one.names)]))
  }
}

output "service_url" {
  description = "URL of the service."
  value       = module.service.url
}

output "accounts" {
  description = "Address of each account."
  value       = module.identity.emails
}
