variable "environment" {
  description = "Name of the environment."
  type        = string
  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "The environment must be dev or prod."
  }
}

variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "initial_image" {
  description = "Image that the service is created with. The deploy workflow replaces it and Terraform never looks at it again."
  type        = string
  validation {
    condition     = can(regex("^[^@]+@sha256:[0-9a-f]{64}$", var.initial_image))
    error_message = "The image must be named by digest (REPOSITORY/NAME@sha256:...): a tag can be moved."
  }
}

variable "initial_jobs_image" {
  description = "Image that the jobs are created with; null creates no jobs."
  type        = string
  default     = null
  validation {
    condition     = var.initial_jobs_image == null || can(regex("^[^@]+@sha256:[0-9a-f]{64}$", var.initial_jobs_image))
    error_message = "The image of the jobs must be named by digest (REPOSITORY/NAME@sha256:...): a tag can be moved."
  }
}

variable "min_instances" {
  description = "Instances that run without requests; null for the shared value."
  type        = number
  default     = null
}

variable "max_instances" {
  description = "Most instances; null for the shared value."
  type        = number
  default     = null
}

variable "database_max_connections" {
  description = "max_connections of the database."
  type        = number
}

variable "database_users" {
  description = "IAM users of the database: server and jobs."
  type        = object({ server = string, jobs = string, migrate = string })
}

variable "models_bucket" {
  description = "Bucket of the models."
  type        = string
}

variable "serve_promoted_model" {
  description = "Serve the promoted model of the bucket instead of the one in the image; needs a first promotion."
  type        = bool
  default     = false
}

variable "authentication" {
  description = "AUTH of the service, behind Cloud Run's own authentication."
  type        = string
  default     = "none"
  validation {
    condition     = contains(["none", "api-key"], var.authentication)
    error_message = "The authentication must be none (Cloud Run's is enough) or api-key (also keys with scopes)."
  }
}

variable "training" {
  description = "Data sets that the pipeline trains on and the gate judges by, text of their schema, features and target; null for no pipeline."
  type = object({
    data      = string
    test_data = string
    schema    = string
    features  = string
    target    = string
  })
  default = null
  validation {
    condition = var.training == null || alltrue([
      for url in try([var.training.data, var.training.test_data], []) : can(regex("^gs://[^/]+/.+$", url))
    ])
    error_message = "The data of the pipeline must be objects in a bucket (gs://BUCKET/PATH)."
  }
}

variable "root" {
  description = "Folder infra of the repository."
  type        = string
}
