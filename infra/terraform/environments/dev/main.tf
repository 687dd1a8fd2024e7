# Small: scales to zero, one database without standby.
terraform {
  required_version = ">= 1.11, < 2.0"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.8.0"
    }
  }
  # the bucket is given at init: terraform init -backend-config=bucket=NAME
  backend "gcs" {
    prefix = "linear-regressor/dev"
  }
}

provider "google" {
  project = var.project
  region  = var.region
  # budgets are billed to a project
  user_project_override = true
  billing_project       = var.project
  default_labels        = { service = "linear-regressor", environment = "dev" }
}

module "platform" {
  source               = "../../modules/platform"
  environment          = "dev"
  project              = var.project
  region               = var.region
  repository           = var.repository
  repository_id        = var.repository_id
  billing_account      = var.billing_account
  emails               = var.emails
  initial_image        = var.initial_image
  initial_jobs_image   = var.initial_jobs_image
  training             = var.training
  callers              = var.callers
  serve_promoted_model = var.serve_promoted_model
  authentication       = var.authentication

  min_instances       = 0
  max_instances       = 2
  database            = { tier = "db-custom-1-3840", highly_available = false, max_connections = 50 }
  monthly_budget      = 100
  deletion_protection = false
}
