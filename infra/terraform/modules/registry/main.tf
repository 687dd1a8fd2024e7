# Images by digest. Old ones are deleted; the newest stay for a rollback.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the repository."
  type        = string
}

variable "writer" {
  description = "Account of the deploy workflow, which pushes images."
  type        = string
}

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:images hold no personal data and Google encrypts them; a key of our own could be lost with them
  project       = var.project
  location      = var.region
  repository_id = "images"
  format        = "DOCKER"
  description   = "Images of linear_regressor, pushed by the deploy workflow"

  docker_config {
    immutable_tags = true
  }
  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    # three manifests a build: two architectures and their index
    most_recent_versions {
      keep_count = 60
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "writer" {
  project    = var.project
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${var.writer}"
}

output "url" {
  description = "Prefix of the names of images."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}
