# The service: reached only by callers with a Google identity. The deploy workflow owns image and traffic (ADR 0030);
# everything else is owned here.
locals {
  collector = var.shared.collector
  database  = var.shared.database
  api_keys  = var.shared.api_keys
  startup   = var.shared.probes.startup
  liveness  = var.shared.probes.liveness
  with_keys = contains(keys(var.environment), "API_KEYS_FILE")
  # secrets mounted as files, by volume
  secrets = merge(
    { collector = { secret = google_secret_manager_secret.collector.secret_id, file = local.collector.file } },
    local.with_keys ? { keys = { secret = google_secret_manager_secret.api_keys.secret_id, file = local.api_keys.file } } : {},
  )
}

resource "google_cloud_run_v2_service" "server" {
  project              = var.project
  location             = var.region
  name                 = var.shared.service
  ingress              = "INGRESS_TRAFFIC_ALL"
  invoker_iam_disabled = false
  deletion_protection  = var.deletion_protection

  template {
    service_account                  = var.account
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = var.shared.concurrency
    timeout                          = "${var.shared.request_timeout_seconds}s"

    scaling {
      min_instance_count = var.instances.min
      max_instance_count = var.instances.max
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        subnetwork = var.subnetwork
      }
    }

    # The first container: ignore_changes below names it by its position.
    containers {
      name       = var.shared.container
      image      = var.initial_image
      depends_on = ["cloud-sql-proxy"]

      ports {
        container_port = var.shared.port
      }
      resources {
        limits            = var.shared.limits
        startup_cpu_boost = true
        # instance-based billing: the collector scrapes between requests, too
        cpu_idle = false
      }
      startup_probe {
        period_seconds    = local.startup.period_seconds
        timeout_seconds   = local.startup.timeout_seconds
        failure_threshold = local.startup.failure_threshold
        http_get {
          path = local.startup.path
        }
      }
      liveness_probe {
        period_seconds    = local.liveness.period_seconds
        timeout_seconds   = local.liveness.timeout_seconds
        failure_threshold = local.liveness.failure_threshold
        http_get {
          path = local.liveness.path
        }
      }
      dynamic "env" {
        for_each = var.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "volume_mounts" {
        for_each = local.with_keys ? [local.api_keys.folder] : []
        content {
          name       = "keys"
          mount_path = volume_mounts.value
        }
      }
      dynamic "volume_mounts" {
        for_each = var.models_bucket == null ? [] : [var.shared.models.folder]
        content {
          name       = "models"
          mount_path = volume_mounts.value
        }
      }
    }

    # Logs in to the database with the account's own token.
    containers {
      name  = "cloud-sql-proxy"
      image = local.database.proxy
      args = [
        "--private-ip", "--auto-iam-authn", "--structured-logs", "--port=${local.database.port}",
        "--health-check", "--http-address=0.0.0.0", "--http-port=${local.database.proxy_health_port}",
        var.connection_name,
      ]
      resources {
        limits   = local.database.proxy_limits
        cpu_idle = false
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

    # Scrapes /metrics of this instance for Managed Prometheus.
    containers {
      name       = local.collector.container
      image      = local.collector.image
      depends_on = [var.shared.container]
      resources {
        limits   = local.collector.limits
        cpu_idle = false
      }
      volume_mounts {
        name       = "collector"
        mount_path = local.collector.folder
      }
    }

    dynamic "volumes" {
      for_each = local.secrets
      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            version = "latest"
            path    = volumes.value.file
          }
        }
      }
    }
    dynamic "volumes" {
      for_each = var.models_bucket == null ? [] : [var.models_bucket]
      content {
        name = "models"
        gcs {
          bucket    = volumes.value
          read_only = true
        }
      }
    }
  }

  # A plan after a deployment is empty: image, revision and traffic are the deploy workflow's, and gcloud writes its own
  # name as client of its last call.
  lifecycle {
    ignore_changes = [
      template[0].containers[0].image,
      template[0].revision,
      traffic,
      client,
      client_version,
    ]
  }

  depends_on = [
    google_secret_manager_secret_version.collector,
    google_secret_manager_secret_iam_member.collector,
    google_secret_manager_secret_iam_member.api_keys,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.server.name
  role     = "roles/run.invoker"
  member   = each.value
}

# On this service only; the deploy workflow cannot create services or open them.
resource "google_cloud_run_v2_service_iam_member" "deployer" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.server.name
  role     = "roles/run.developer"
  member   = "serviceAccount:${var.deployer}"
}

# Not secret; Cloud Run can only mount secrets and buckets as files.
resource "google_secret_manager_secret" "collector" {
  project   = var.project
  secret_id = local.collector.name
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "collector" {
  secret      = google_secret_manager_secret.collector.id
  secret_data = var.collector_config
}

resource "google_secret_manager_secret_iam_member" "collector" {
  for_each  = { server = var.account, planner = var.planner }
  project   = var.project
  secret_id = google_secret_manager_secret.collector.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${each.value}"
}

# The keys are added by hand (`linear-regressor keys`), so that they are in no state file.
resource "google_secret_manager_secret" "api_keys" {
  project     = var.project
  secret_id   = local.api_keys.name
  annotations = { scopes = join(",", var.shared.scopes) }
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_iam_member" "api_keys" {
  project   = var.project
  secret_id = google_secret_manager_secret.api_keys.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${var.account}"
}

output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.server.name
}

output "url" {
  description = "URL of the service."
  value       = google_cloud_run_v2_service.server.uri
}
