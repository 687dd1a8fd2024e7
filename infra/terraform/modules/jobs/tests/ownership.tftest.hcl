# Needs the google provider's schema: make infra-validate (GitHub Actions).
mock_provider "google" {}

variables {
  project = "example"
  region  = "europe-west1"
  shared  = jsondecode(file("../../../service.json"))
  jobs = {
    monitor = {
      command         = ["linear-regressor", "monitor"]
      schedule        = "0 * * * *"
      timeout_seconds = 900
      account         = "jobs"
      environment     = {}
    }
    migrate = {
      command         = ["linear-regressor", "store", "migrate"]
      schedule        = null
      timeout_seconds = 600
      account         = "migrate"
      environment     = {}
    }
  }
  initial_image = "example/jobs@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  accounts = {
    jobs      = "jobs@example.iam.gserviceaccount.com"
    migrate   = "migrate@example.iam.gserviceaccount.com"
    scheduler = "scheduler@example.iam.gserviceaccount.com"
    deploy    = "deploy@example.iam.gserviceaccount.com"
  }
  subnetwork          = "linear-regressor-run"
  connection_name     = "example:europe-west1:linear-regressor"
  deletion_protection = true
}

run "create" {
  assert {
    condition     = keys(google_cloud_scheduler_job.this) == ["monitor"]
    error_message = "Only jobs with a schedule are started by Scheduler."
  }
  assert {
    condition     = google_cloud_run_v2_job.this["migrate"].template[0].template[0].service_account == "migrate@example.iam.gserviceaccount.com"
    error_message = "The migration does not run as the owner of the tables."
  }
  assert {
    condition = (
      google_cloud_run_v2_job.this["migrate"].template[0].template[0].containers[0].command == tolist(["linear-regressor"])
      && google_cloud_run_v2_job.this["migrate"].template[0].template[0].containers[0].args == tolist(["store", "migrate"])
    )
    error_message = "The migration runs another command."
  }
}

run "another_image_is_the_deploy_workflows" {
  command = plan
  variables {
    initial_image = "example/jobs@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  }
  assert {
    condition     = endswith(google_cloud_run_v2_job.this["monitor"].template[0].template[0].containers[0].image, "1111")
    error_message = "A plan would change the image, which the deploy workflow owns."
  }
}
