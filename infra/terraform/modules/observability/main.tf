# Alerts, uptime check, objectives, dashboard and budget. Alerts and dashboard are those of infra/monitoring.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "project_number" {
  description = "Number of the project, in the name of Monitoring's own account."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "shared" {
  description = "The shared values of service.json (module values)."
  type        = any
}

variable "service_name" {
  description = "Name of the service."
  type        = string
}

variable "service_url" {
  description = "URL of the service."
  type        = string
}

variable "alerts" {
  description = "Alerts by name (module values)."
  type = map(object({
    query    = string
    seconds  = number
    severity = string
    summary  = string
  }))
}

variable "dashboard" {
  description = "The dashboard (module values)."
  type        = any
}

variable "emails" {
  description = "Who is notified, by severity (page, ticket)."
  type        = object({ page = string, ticket = string })
}

variable "billing_account" {
  description = "Billing account of the project."
  type        = string
}

variable "monthly_budget" {
  description = "Budget in a month, in the currency of the billing account."
  type        = number
}

locals {
  objectives = var.shared.objectives
  uptime     = var.shared.probes.uptime
  host       = trimprefix(var.service_url, "https://")
  severities = { page = "CRITICAL", ticket = "WARNING" }
  requests   = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${var.service_name}\""
}

resource "google_monitoring_notification_channel" "email" {
  for_each     = var.emails
  project      = var.project
  display_name = "linear-regressor ${each.key}"
  type         = "email"
  labels       = { email_address = each.value }
}

resource "google_monitoring_alert_policy" "metrics" {
  for_each              = var.alerts
  project               = var.project
  display_name          = each.key
  combiner              = "OR"
  severity              = local.severities[each.value.severity]
  notification_channels = [google_monitoring_notification_channel.email[each.value.severity].id]

  conditions {
    display_name = each.value.summary
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.seconds}s"
      evaluation_interval = "30s"
      alert_rule          = each.key
      rule_group          = "linear-regressor"
      # a metric appears with the first request of its kind
      disable_metric_validation = true
    }
  }
  documentation {
    subject   = each.value.summary
    content   = "${each.value.summary}. See docs/observability.md, alert ${each.key}."
    mime_type = "text/markdown"
  }
}

# What the service's own metrics cannot tell: that it does not answer, or that a job failed.
resource "google_monitoring_alert_policy" "unreachable" {
  project               = var.project
  display_name          = "LinearRegressorUnreachable"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [google_monitoring_notification_channel.email["page"].id]

  conditions {
    display_name = "The uptime check fails from several regions"
    condition_threshold {
      filter          = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" resource.type=\"uptime_url\" metric.labels.check_id=\"${google_monitoring_uptime_check_config.ready.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }
}

resource "google_monitoring_alert_policy" "job_failed" {
  project               = var.project
  display_name          = "LinearRegressorJobFailed"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = [google_monitoring_notification_channel.email["ticket"].id]

  conditions {
    display_name = "A job failed, or monitor found drift"
    condition_threshold {
      filter          = "metric.type=\"run.googleapis.com/job/completed_execution_count\" resource.type=\"cloud_run_job\" metric.labels.result=\"failed\" resource.labels.job_name=starts_with(\"linear-regressor-\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.job_name"]
      }
    }
  }
  documentation {
    content   = "Exit code 3 of monitor is drift; its log has the report. See docs/monitoring.md."
    mime_type = "text/markdown"
  }
}

# Cloud Monitoring signs in to the service, which stays closed to everyone else.
resource "google_cloud_run_v2_service_iam_member" "uptime" {
  project  = var.project
  location = var.region
  name     = var.service_name
  role     = "roles/run.invoker"
  member   = "serviceAccount:service-${var.project_number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
}

resource "google_monitoring_uptime_check_config" "ready" {
  project      = var.project
  display_name = "linear-regressor ready"
  period       = "${local.uptime.period_seconds}s"
  timeout      = "${local.uptime.timeout_seconds}s"

  http_check {
    path         = local.uptime.path
    port         = 443
    use_ssl      = true
    validate_ssl = true
    service_agent_authentication {
      type = "OIDC_TOKEN"
    }
    accepted_response_status_codes {
      status_value = 200
    }
  }
  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = local.host
    }
  }
}

resource "google_monitoring_custom_service" "this" {
  project      = var.project
  service_id   = "linear-regressor"
  display_name = "Linear regressor"
}

# Counted by Cloud Run, so that a crash, which no metric of the service reports, uses up the budget, too.
resource "google_monitoring_slo" "availability" {
  project             = var.project
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "availability"
  display_name        = "Requests without a server error"
  goal                = local.objectives.availability
  rolling_period_days = local.objectives.days
  request_based_sli {
    good_total_ratio {
      total_service_filter = "metric.type=\"run.googleapis.com/request_count\" ${local.requests}"
      bad_service_filter   = "metric.type=\"run.googleapis.com/request_count\" metric.labels.response_code_class=\"5xx\" ${local.requests}"
    }
  }
}

resource "google_monitoring_slo" "latency" {
  project             = var.project
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "latency"
  display_name        = "Requests answered within ${local.objectives.latency.seconds} s"
  goal                = local.objectives.latency.share
  rolling_period_days = local.objectives.days
  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"run.googleapis.com/request_latencies\" ${local.requests}"
      range {
        max = local.objectives.latency.seconds * 1000 # milliseconds
      }
    }
  }
}

resource "google_monitoring_dashboard" "this" {
  project        = var.project
  dashboard_json = jsonencode(var.dashboard)
}

resource "google_billing_budget" "monthly" {
  billing_account = var.billing_account
  display_name    = "linear-regressor ${var.project}"
  budget_filter {
    projects = ["projects/${var.project_number}"]
  }
  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }
  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }
  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.email["ticket"].id]
    disable_default_iam_recipients   = false
  }
}
