# Values that infrastructure and code share, from the files that the code is tested against.
locals {
  shared = jsondecode(file("${var.root}/service.json"))

  instances = {
    min = coalesce(var.min_instances, local.shared.instances.min)
    max = coalesce(var.max_instances, local.shared.instances.max)
  }

  # --- connections ---
  # A deployment runs old and new instances side by side, so each instance counts twice.
  connections = local.shared.database.connections
  connections_needed = (
    2 * local.instances.max * local.connections.instance
    + length(local.jobs) * local.connections.job
    + local.connections.reserved
  )

  # --- variables of the containers ---
  # The proxy next to the container adds the IAM token, so the URL holds no password. "@" is %40 in a user name.
  store = { for name, user in var.database_users : name =>
    "postgresql://${replace(user, "@", "%40")}@127.0.0.1:${local.shared.database.port}/${local.shared.database.name}?sslmode=disable"
  }
  environment = merge(
    local.shared.environment,
    { GOOGLE_CLOUD_PROJECT = var.project, STORE = local.store.server },
    var.serve_promoted_model ? { MODEL_PATH = "${local.shared.models.folder}/${local.shared.models.prefix}" } : {},
    var.authentication == "api-key" ? {
      AUTH          = "api-key"
      API_KEYS_FILE = "${local.shared.api_keys.folder}/${local.shared.api_keys.file}"
    } : {},
  )

  # --- jobs ---
  placeholders = merge(
    { MODELS = "gs://${var.models_bucket}/${local.shared.models.prefix}" },
    var.training == null ? {} : { for name, value in var.training : upper(name) => value },
  )
  jobs = {
    for name, job in local.shared.jobs : name => {
      command         = [for word in job.command : lookup(local.placeholders, word, word)]
      schedule        = job.schedule
      timeout_seconds = job.timeout_seconds
      account         = name == "migrate" ? "migrate" : "jobs"
      environment     = { STORE = local.store[name == "migrate" ? "migrate" : "jobs"] }
    }
    if var.initial_jobs_image != null && (name != "pipeline" || var.training != null)
  }

  # --- alerts and dashboard ---
  # Cloud Monitoring evaluates no recording rules: each name of a recording becomes its expression.
  rules      = flatten([for group in yamldecode(file("${var.root}/monitoring/alerts.yml")).groups : group.rules])
  recordings = { for rule in local.rules : rule.record => "(${trimspace(rule.expr)})" if can(rule.record) }
  tokens     = "linear_regressor:\\w+:\\w+|[^l]+|l"
  units      = { s = 1, m = 60, h = 3600, d = 86400 }
  alerts = {
    for rule in local.rules : rule.alert => {
      query    = join("", [for token in regexall(local.tokens, rule.expr) : lookup(local.recordings, token, token)])
      seconds  = tonumber(regex("^[0-9]+", try(rule.for, "0s"))) * local.units[regex("[a-z]+$", try(rule.for, "0s"))]
      severity = rule.labels.severity
      # not the description, whose templates are Prometheus' own
      summary = rule.annotations.summary
    }
    if can(rule.alert)
  }

  panels = [
    for panel in jsondecode(file("${var.root}/monitoring/dashboard.json")).panels : panel
    if can(panel.targets)
  ]
  dashboard = {
    displayName = "Linear regressor (${var.environment})"
    mosaicLayout = {
      columns = 24
      tiles = [for panel in local.panels : {
        xPos = panel.gridPos.x, yPos = panel.gridPos.y, width = panel.gridPos.w, height = panel.gridPos.h
        widget = {
          title = panel.title
          xyChart = {
            dataSets = [for target in panel.targets : {
              plotType = "LINE"
              timeSeriesQuery = {
                # variables of Grafana: all instances, and a range of five minutes
                prometheusQuery = replace(replace(
                  join("", [for token in regexall(local.tokens, target.expr) : lookup(local.recordings, token, token)]),
                "/,?instance=~\"\\$instance\"/", ""), "$__rate_interval", "5m")
              }
            }]
          }
        }
      }]
    }
  }
}

resource "terraform_data" "connections" {
  lifecycle {
    precondition {
      condition     = local.connections_needed <= var.database_max_connections
      error_message = "The database allows ${var.database_max_connections} connections, but ${local.instances.max} instances (twice during a deployment) and the jobs need ${local.connections_needed}: lower max_instances or raise database_max_connections."
    }
    precondition {
      condition     = local.instances.min <= local.instances.max
      error_message = "min_instances (${local.instances.min}) is larger than max_instances (${local.instances.max})."
    }
  }
}
