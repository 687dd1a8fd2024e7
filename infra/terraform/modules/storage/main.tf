# The bucket of models and promotions. Versioned: nothing that was promoted can be lost by overwriting.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Location of the bucket."
  type        = string
}

variable "name" {
  description = "Name of the bucket."
  type        = string
}

variable "reader" {
  description = "Account of the server, which reads models."
  type        = string
}

variable "writer" {
  description = "Account of the jobs, which add models and promotions."
  type        = string
}

resource "google_storage_bucket" "models" {
  #checkov:skip=CKV_GCP_62:access logs need a second bucket; Cloud Audit Logs record changes, and models hold no rows
  project                     = var.project
  location                    = var.region
  name                        = var.name
  storage_class               = "STANDARD"
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true
  force_destroy               = false

  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 604800 # 7 days
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions         = 10
      days_since_noncurrent_time = 90
    }
  }
}

resource "google_storage_bucket_iam_member" "reader" {
  bucket = google_storage_bucket.models.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${var.reader}"
}

# Versions and promotions are created once and never overwritten, so no job may.
resource "google_storage_bucket_iam_member" "writer" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])
  bucket   = google_storage_bucket.models.name
  role     = each.key
  member   = "serviceAccount:${var.writer}"
}

output "name" {
  description = "Name of the bucket."
  value       = google_storage_bucket.models.name
}
