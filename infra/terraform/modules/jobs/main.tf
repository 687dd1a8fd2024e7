# One Cloud Run job for each command, started by Scheduler. The deploy workflow owns their image (ADR 0030).
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the jobs."
  type        = string
}

variable "shared" {
  description = "The shared values of service.json (module values)."
  type        = any
}

variable "jobs" {
  description = "Command, schedule and account of each job (module values)."
  type = map(object({
    command         = list(string)
    schedule        = string
    timeout_seconds = number
    account         = string
    environment     = map(string)
  }))
}

variable "initial_image" {
  description = "Image that the jobs are created with, by digest; later ones come from the deploy workflow."
  type        = string
}

variable "accounts" {
  description = "Address of each account."
  type        = map(string)
}

variable "subnetwork" {
  description = "Subnet that the containers send from."
  type        = string
}

variable "connection_name" {
  description = "Database that the proxy connects to."
  type        = string
}

variable "training" {
  description = "Data of the pipeline; null without a pipeline."
  type        = object({ data = string, test_data = string })
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to delete the jobs."
  type        = bool
}

locals {
  database  = var.shared.database
  scheduled = { for name, job in var.jobs : name => job if job.schedule != null }
}

resource "google_cloud_run_v2_job" "this" {
  for_each            = var.jobs
  project             = var.project
  location            = var.region
  name                = "linear-regressor-${each.key}"
  deletion_protection = var.deletion_protection

  template {
    template {
      service_account       = var.accounts[each.value.account]
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "${each.value.timeout_seconds}s"
      # The exit code of monitor tells drift, which a second run would tell again; the others run again on schedule.
      max_retries = 0

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          subnetwork = var.subnetwork
        }
      }

      # The first container: ignore_changes below names it by its position.
      containers {
        name       = "job"
        image      = var.initial_image
        command    = [each.value.command[0]]
        args       = slice(each.value.command, 1, length(each.value.command))
        depends_on = ["cloud-sql-proxy"]
        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }
        dynamic "env" {
          for_each = each.value.environment
          content {
            name  = env.key
            value = env.value
          }
        }
      }

      containers {
        name  = "cloud-sql-proxy"
        image = local.database.proxy
        args = [
          "--private-ip", "--auto-iam-authn", "--structured-logs", "--port=${local.database.port}",
          "--health-check", "--http-address=0.0.0.0", "--http-port=${local.database.proxy_health_port}",
          "--exit-zero-on-sigterm", var.connection_name,
        ]
        resources {
          limits = local.database.proxy_limits
        }
        startup_probe {
          period_seconds    = 1
          timeout_seconds   = 1
          failure_threshold = 30
          http_get {
            path = "/startup"
            port = local.database.proxy_health_port
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      template[0].template[0].containers[0].image,
      client,
      client_version,
    ]
  }
}

resource "google_cloud_run_v2_job_iam_member" "deployer" {
  for_each = var.jobs
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.this[each.key].name
  role     = "roles/run.developer"
  member   = "serviceAccount:${var.accounts["deploy"]}"
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = local.scheduled
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.this[each.key].name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.accounts["scheduler"]}"
}

resource "google_cloud_scheduler_job" "this" {
  for_each         = local.scheduled
  project          = var.project
  region           = var.region
  name             = "linear-regressor-${each.key}"
  description      = "Runs linear-regressor-${each.key}"
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.this[each.key].id}:run"
    oauth_token {
      service_account_email = var.accounts["scheduler"]
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
  retry_config {
    retry_count = 1
  }
}

# Only objects of the pipeline's own buckets.
resource "google_storage_bucket_iam_member" "training_data" {
  for_each = toset(var.training == null ? [] : [for url in [var.training.data, var.training.test_data] : split("/", url)[2]])
  bucket   = each.key
  role     = "roles/storage.objectViewer"
  member   = "serviceAccount:${var.accounts["jobs"]}"
}

output "names" {
  description = "Name of each job."
  value       = { for name, job in google_cloud_run_v2_job.this : name => job.name }
}
