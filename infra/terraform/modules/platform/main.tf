# Everything of one environment, which is one project.
locals {
  services = [
    "artifactregistry", "billingbudgets", "cloudresourcemanager", "cloudscheduler", "compute", "iam", "iamcredentials",
    "monitoring", "run", "secretmanager", "servicenetworking", "sqladmin", "storage", "sts",
  ]
  # the name of an account as a user of the database
  users = { for name in ["server", "jobs", "migrate"] : name =>
    trimsuffix(module.identity.emails[name], ".gserviceaccount.com")
  }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "this" {
  for_each           = toset(local.services)
  project            = var.project
  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

module "values" {
  source                   = "../values"
  root                     = "${path.module}/../../.."
  environment              = var.environment
  project                  = var.project
  initial_image            = var.initial_image
  initial_jobs_image       = var.initial_jobs_image
  min_instances            = var.min_instances
  max_instances            = var.max_instances
  database_max_connections = var.database.max_connections
  database_users           = local.users
  models_bucket            = "${var.project}-models"
  serve_promoted_model     = var.serve_promoted_model
  authentication           = var.authentication
  training                 = var.training
}

module "identity" {
  source        = "../identity"
  project       = var.project
  repository    = var.repository
  repository_id = var.repository_id
  depends_on    = [google_project_service.this]
}

module "network" {
  source     = "../network"
  project    = var.project
  region     = var.region
  depends_on = [google_project_service.this]
}

module "registry" {
  source     = "../registry"
  project    = var.project
  region     = var.region
  writer     = module.identity.emails["deploy"]
  depends_on = [google_project_service.this]
}

module "storage" {
  source     = "../storage"
  project    = var.project
  region     = var.region
  name       = "${var.project}-models"
  reader     = module.identity.emails["server"]
  writer     = module.identity.emails["jobs"]
  depends_on = [google_project_service.this]
}

module "database" {
  source           = "../database"
  project          = var.project
  region           = var.region
  network          = module.network.network
  database         = module.values.shared.database.name
  tier             = var.database.tier
  highly_available = var.database.highly_available
  max_connections  = var.database.max_connections
  users            = local.users
  depends_on       = [google_project_service.this]
}

module "service" {
  source              = "../service"
  project             = var.project
  region              = var.region
  shared              = module.values.shared
  instances           = module.values.instances
  environment         = module.values.environment
  initial_image       = module.values.initial_image
  account             = module.identity.emails["server"]
  deployer            = module.identity.emails["deploy"]
  planner             = module.identity.emails["drift"]
  invokers            = merge(var.callers, { smoke-test = "serviceAccount:${module.identity.emails["smoke"]}" })
  subnetwork          = module.network.subnetwork
  connection_name     = module.database.connection_name
  collector_config    = module.values.collector_config
  models_bucket       = var.serve_promoted_model ? module.storage.name : null
  deletion_protection = var.deletion_protection
  depends_on          = [google_project_service.this]
}

module "jobs" {
  source              = "../jobs"
  count               = var.initial_jobs_image == null ? 0 : 1
  project             = var.project
  region              = var.region
  shared              = module.values.shared
  jobs                = module.values.jobs
  initial_image       = var.initial_jobs_image
  accounts            = module.identity.emails
  subnetwork          = module.network.subnetwork
  connection_name     = module.database.connection_name
  training            = var.training
  deletion_protection = var.deletion_protection
  depends_on          = [google_project_service.this]
}

module "observability" {
  source          = "../observability"
  project         = var.project
  project_number  = data.google_project.this.number
  region          = var.region
  shared          = module.values.shared
  service_name    = module.service.name
  service_url     = module.service.url
  alerts          = module.values.alerts
  dashboard       = module.values.dashboard
  emails          = var.emails
  billing_account = var.billing_account
  monthly_budget  = var.monthly_budget
  depends_on      = [google_project_service.this]
}
