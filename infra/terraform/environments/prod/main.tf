# One instance always runs; the database has a standby in a second zone.
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
    prefix = "linear-regressor/prod"
  }
}

provider "google" {
  project = var.project
  region  = var.region
  # budgets are billed to a project
  user_project_override = true
  billing_project       = var.project
  default_labels        = { service = "linear-regressor", environment = "prod" }
}

module "platform" {
  source               = "../../modules/platform"
  environment          = "prod"
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

  min_instances       = 1
  max_instances       = 10
  database            = { tier = "db-custom-2-7680", highly_available = true, max_connections = 100 }
  monthly_budget      = 500
  deletion_protection = true
}
