# One network, one subnet for Cloud Run's direct egress, and a peering to Google's network for the database's private address.
variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the subnet."
  type        = string
}

resource "google_compute_network" "this" {
  #checkov:skip=CKV2_GCP_18:nothing in this network listens and the implied rule denies all ingress
  project                 = var.project
  name                    = "linear-regressor"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "run" {
  project                  = var.project
  region                   = var.region
  name                     = "linear-regressor-run"
  network                  = google_compute_network.this.id
  ip_cidr_range            = "10.10.0.0/24"
  private_ip_google_access = true
  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_global_address" "services" {
  project       = var.project
  name          = "linear-regressor-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

output "network" {
  description = "The network; ready for private addresses."
  value       = google_compute_network.this.id
  depends_on  = [google_service_networking_connection.services]
}

output "subnetwork" {
  description = "Subnet that the containers send from."
  value       = google_compute_subnetwork.run.id
}
