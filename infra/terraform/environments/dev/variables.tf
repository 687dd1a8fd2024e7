variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of everything."
  type        = string
}

variable "repository" {
  description = "Repository on GitHub, as OWNER/NAME."
  type        = string
}

variable "repository_id" {
  description = "Numeric id of the repository: gh api repos/OWNER/NAME --jq .id"
  type        = string
}

variable "billing_account" {
  description = "Billing account of the project."
  type        = string
}

variable "emails" {
  description = "Who is notified, by severity."
  type        = object({ page = string, ticket = string })
}

variable "initial_image" {
  description = "Image that the service is created with, by digest. Not read again: the deploy workflow owns it."
  type        = string
}

variable "initial_jobs_image" {
  description = "Image that the jobs are created with, by digest; null creates no jobs."
  type        = string
  default     = null
}

variable "training" {
  description = "What the pipeline trains on: data and test_data (gs://BUCKET/PATH), text of their schema, features, target; null for no pipeline."
  type = object({
    data      = string
    test_data = string
    schema    = string
    features  = string
    target    = string
  })
  default = null
}

variable "callers" {
  description = "Who may send requests, besides the smoke test, as members of IAM by a name of the caller."
  type        = map(string)
  default     = {}
}

variable "serve_promoted_model" {
  description = "Serve the promoted model of the bucket instead of the one in the image; needs a first promotion."
  type        = bool
  default     = false
}

variable "authentication" {
  description = "AUTH of the service, behind Cloud Run's own authentication: none or api-key."
  type        = string
  default     = "none"
}
