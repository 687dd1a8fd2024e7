# Needs the google provider's schema: make infra-validate (GitHub Actions).
mock_provider "google" {}

variables {
  project             = "example"
  region              = "europe-west1"
  shared              = jsondecode(file("../../../service.json"))
  instances           = { min = 0, max = 2 }
  environment         = { WEB_CONCURRENCY = "1" }
  initial_image       = "example/server@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  account             = "server@example.iam.gserviceaccount.com"
  deployer            = "deploy@example.iam.gserviceaccount.com"
  planner             = "drift@example.iam.gserviceaccount.com"
  invokers            = { smoke-test = "serviceAccount:smoke@example.iam.gserviceaccount.com" }
  subnetwork          = "linear-regressor-run"
  connection_name     = "example:europe-west1:linear-regressor"
  collector_config    = "{}"
  deletion_protection = true
}

run "create" {
  assert {
    condition     = endswith(google_cloud_run_v2_service.server.template[0].containers[0].image, "1111")
    error_message = "The first revision does not have the initial image."
  }
  assert {
    condition     = google_cloud_run_v2_service.server.template[0].containers[0].startup_probe[0].http_get[0].path == "/health/ready"
    error_message = "The startup probe is not the one of service.json."
  }
  assert {
    condition     = alltrue([for one in google_cloud_run_v2_service.server.template[0].containers : can(one.resources[0].limits.cpu)])
    error_message = "A container has no limits."
  }
}

run "another_image_is_the_deploy_workflows" {
  command = plan
  variables {
    initial_image = "example/server@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  }
  assert {
    condition     = endswith(google_cloud_run_v2_service.server.template[0].containers[0].image, "1111")
    error_message = "A plan would change the image, which the deploy workflow owns."
  }
}

run "never_open_to_everyone" {
  command = plan
  variables {
    invokers = { everyone = "allUsers" }
  }
  expect_failures = [var.invokers]
}
