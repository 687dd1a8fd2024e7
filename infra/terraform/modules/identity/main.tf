# One account for each task, and GitHub's identity in exchange for two of them. No account has a key.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "repository" {
  description = "Repository on GitHub, as OWNER/NAME."
  type        = string
}

variable "repository_id" {
  description = "Numeric id of the repository, which a new repository of the same name does not get."
  type        = string
  validation {
    condition     = can(regex("^[0-9]+$", var.repository_id))
    error_message = "The id of the repository is a number: gh api repos/OWNER/NAME --jq .id"
  }
}

locals {
  accounts = {
    server    = "Cloud Run service"
    jobs      = "Cloud Run jobs monitor, retrain and pipeline"
    migrate   = "Cloud Run job that migrates the feedback store"
    scheduler = "Starts the jobs on schedule"
    deploy    = "Workflow that deploys main"
    smoke     = "Workflow that tests the deployed service"
    drift     = "Workflow that plans, without changing anything"
  }
  # GitHub's name for a job: deploy and its tests run in the protected environment, the daily check on main
  jobs = {
    deploy = "repo:${var.repository}:environment:production"
    smoke  = "repo:${var.repository}:environment:production"
    drift  = "repo:${var.repository}:ref:refs/heads/main"
  }
  # plans for pull requests of this repository: any branch, in an environment of their own
  plan = "repo:${var.repository}:environment:plan"
  # roles on the project; all others are on single resources
  roles = {
    server-metrics    = ["server", "roles/monitoring.metricWriter"]
    server-sql        = ["server", "roles/cloudsql.client"]
    server-sql-login  = ["server", "roles/cloudsql.instanceUser"]
    jobs-sql          = ["jobs", "roles/cloudsql.client"]
    jobs-sql-login    = ["jobs", "roles/cloudsql.instanceUser"]
    migrate-sql       = ["migrate", "roles/cloudsql.client"]
    migrate-sql-login = ["migrate", "roles/cloudsql.instanceUser"]
  }
  # what a plan reads; roles/viewer would also read the models and the rows of other services
  drift_roles = toset([
    "roles/artifactregistry.reader",
    "roles/browser",
    "roles/cloudscheduler.viewer",
    "roles/cloudsql.viewer",
    "roles/compute.networkViewer",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/monitoring.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/storage.bucketViewer",
  ])
}

resource "google_service_account" "this" {
  for_each     = local.accounts
  project      = var.project
  account_id   = "linear-regressor-${each.key}"
  display_name = each.value
}

resource "google_project_iam_member" "this" {
  for_each = local.roles
  project  = var.project
  role     = each.value[1]
  member   = "serviceAccount:${google_service_account.this[each.value[0]].email}"
}

resource "google_project_iam_member" "drift" {
  for_each = local.drift_roles
  project  = var.project
  role     = each.key
  member   = "serviceAccount:${google_service_account.this["drift"].email}"
}

resource "google_iam_workload_identity_pool" "github" {
  project                   = var.project
  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"
}

resource "google_iam_workload_identity_pool_provider" "repository" {
  #checkov:skip=CKV_GCP_125:the condition names three exact subjects of one repository id, in a local that the check cannot resolve
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "repository"
  display_name                       = "This repository only"
  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }
  # The id, because a deleted repository's name can be taken by others; the branch, because a protected environment
  # might allow more than one. Plans of pull requests may read only (local.plan).
  attribute_condition = "assertion.repository_id == '${var.repository_id}' && (assertion.ref == 'refs/heads/main' && (assertion.sub == '${local.jobs.deploy}' || assertion.sub == '${local.jobs.drift}') || assertion.sub == '${local.plan}')"
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "federated" {
  for_each           = local.jobs
  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/subject/${each.value}"
}

resource "google_service_account_iam_member" "plan" {
  service_account_id = google_service_account.this["drift"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/subject/${local.plan}"
}

# A deployment starts containers as these accounts.
resource "google_service_account_iam_member" "deploy_acts_as" {
  for_each           = toset(["server", "jobs", "migrate"])
  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${google_service_account.this["deploy"].email}"
}

output "emails" {
  description = "Address of each account."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "provider" {
  description = "Name that workflows sign in with."
  value       = google_iam_workload_identity_pool_provider.repository.name
}
