# PostgreSQL with a private address only, logins by IAM, backups and point-in-time recovery.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the instance."
  type        = string
}

variable "network" {
  description = "Network with the private address."
  type        = string
}

variable "database" {
  description = "Name of the database."
  type        = string
}

variable "tier" {
  description = "Machine of the instance."
  type        = string
}

variable "highly_available" {
  description = "Keep a standby in a second zone."
  type        = bool
}

variable "max_connections" {
  description = "Most connections at once; the instances' need is compared with it before anything is created."
  type        = number
}

variable "users" {
  description = "IAM users by task."
  type        = object({ server = string, jobs = string, migrate = string })
}

resource "google_sql_database_instance" "this" {
  #checkov:skip=CKV_GCP_79:PostgreSQL 15 is the version that the tests run on; upgrades are planned, not automatic
  #checkov:skip=CKV_GCP_55:the default level of messages is enough and the rows of feedback stay out of the log
  #checkov:skip=CKV_GCP_109:the default level of messages is enough and the rows of feedback stay out of the log
  #checkov:skip=CKV2_GCP_13:a log line for each statement is a line for each row of feedback; slow requests are in the access log
  #checkov:skip=CKV_GCP_110:pgAudit would log statements with rows of feedback; who logs in is logged
  #checkov:skip=CKV_GCP_111:statements would contain rows of feedback, which must not be in logs
  project             = var.project
  region              = var.region
  name                = "linear-regressor"
  database_version    = "POSTGRES_15"
  deletion_protection = true

  settings {
    tier                        = var.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.highly_available ? "REGIONAL" : "ZONAL"
    disk_autoresize             = true
    deletion_protection_enabled = true
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "01:00"
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 30
      }
    }
    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }

    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }
    database_flags {
      name  = "max_connections"
      value = tostring(var.max_connections)
    }
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }
    database_flags {
      name  = "log_connections"
      value = "on"
    }
    database_flags {
      name  = "log_disconnections"
      value = "on"
    }
    database_flags {
      name  = "log_hostname"
      value = "on"
    }
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
    database_flags {
      name  = "log_temp_files"
      value = "0"
    }
    database_flags {
      name  = "log_min_duration_statement"
      value = "-1"
    }
  }
}

resource "google_sql_database" "this" {
  project         = var.project
  instance        = google_sql_database_instance.this.name
  name            = var.database
  deletion_policy = "ABANDON"
}

# No user has a password. The owner of the tables runs migrations only; grants.sql gives the others their rows.
resource "google_sql_user" "this" {
  for_each       = var.users
  project        = var.project
  instance       = google_sql_database_instance.this.name
  name           = each.value
  type           = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles = each.key == "migrate" ? ["cloudsqlsuperuser"] : []
}

output "connection_name" {
  description = "Name that the proxy connects to."
  value       = google_sql_database_instance.this.connection_name
}
