variable "project" {
  description = "Project that holds everything."
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

variable "instances" {
  description = "Least and most instances."
  type        = object({ min = number, max = number })
}

variable "environment" {
  description = "Variables of the server's container (module values)."
  type        = map(string)
}

variable "initial_image" {
  description = "Image of the first revision, by digest; later ones come from the deploy workflow."
  type        = string
}

variable "account" {
  description = "Account that the server runs as."
  type        = string
}

variable "deployer" {
  description = "Account of the deploy workflow."
  type        = string
}

variable "planner" {
  description = "Account that plans: it reads the configuration of the collector, which is in a secret."
  type        = string
}

variable "invokers" {
  description = "Who may send requests, by a name of the caller. Never everyone."
  type        = map(string)
  validation {
    condition     = alltrue([for member in values(var.invokers) : !contains(["allUsers", "allAuthenticatedUsers"], member)])
    error_message = "The service must not be open to everyone: name the callers."
  }
}

variable "subnetwork" {
  description = "Subnet that the containers send from."
  type        = string
}

variable "connection_name" {
  description = "Database that the proxy connects to."
  type        = string
}

variable "collector_config" {
  description = "Configuration of the metrics collector."
  type        = string
}

variable "models_bucket" {
  description = "Bucket mounted for MODEL_PATH; null to serve the model of the image."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to delete the service."
  type        = bool
}
