output "shared" {
  description = "The shared values as they are in service.json."
  value       = local.shared
}

output "initial_image" {
  description = "The first image, named by digest."
  value       = var.initial_image
}

output "instances" {
  description = "Least and most instances."
  value       = local.instances
}

output "environment" {
  description = "Variables of the server's container."
  value       = local.environment
}

output "jobs" {
  description = "Command, schedule and account of each job, by name."
  value       = local.jobs
}

output "alerts" {
  description = "Alerts by name, without recording rules."
  value       = local.alerts
}

output "dashboard" {
  description = "The dashboard in Cloud Monitoring's form."
  value       = local.dashboard
}

output "collector_config" {
  description = "Configuration of the metrics collector."
  value       = file("${var.root}/monitoring/run_monitoring.yml")
}
