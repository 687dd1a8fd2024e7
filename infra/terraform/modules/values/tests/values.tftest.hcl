variables {
  environment              = "prod"
  project                  = "example"
  initial_image            = "example/server@sha256:0123456789012345678901234567890123456789012345678901234567890123"
  initial_jobs_image       = "example/jobs@sha256:0123456789012345678901234567890123456789012345678901234567890123"
  database_max_connections = 60
  database_users           = { server = "server@example.iam", jobs = "jobs@example.iam", migrate = "migrate@example.iam" }
  models_bucket            = "example-models"
  training = {
    data      = "gs://example-data/train/*.parquet"
    test_data = "gs://example-data/test/*.parquet"
    schema    = "format: 1\n"
    features  = "age,bmi"
    target    = "score"
  }
  root = "../../.."
}

run "everything" {
  assert {
    condition     = output.environment.STORE == "postgresql://server%40example.iam@127.0.0.1:5432/feedback?sslmode=disable"
    error_message = "The server logs in as its own user, without a password, through the proxy: ${output.environment.STORE}"
  }
  assert {
    condition     = !can(output.environment.MODEL_PATH) && !can(output.environment.AUTH)
    error_message = "By default the model of the image is served behind Cloud Run's authentication alone."
  }
  assert {
    condition     = keys(output.jobs) == ["migrate", "monitor", "pipeline", "retrain"]
    error_message = "There are four jobs, not ${join(", ", keys(output.jobs))}."
  }
  assert {
    condition     = [for name, job in output.jobs : name if job.account == "migrate"] == ["migrate"]
    error_message = "Only the migration runs as the owner of the tables."
  }
  assert {
    condition     = contains(output.jobs.retrain.command, "gs://example-models/linear-regressor")
    error_message = "The bucket is not in the command of retrain: ${join(" ", output.jobs.retrain.command)}"
  }
  assert {
    condition = slice(output.jobs.pipeline.command, 1, 7) == [
      "gs://example-data/train/*.parquet", "gs://example-data/test/*.parquet", "format: 1\n", "age,bmi", "score",
      "gs://example-models/linear-regressor",
    ]
    error_message = "A value is missing in the command of the pipeline: ${join(" ", output.jobs.pipeline.command)}"
  }
  assert {
    condition     = alltrue([for alert in output.alerts : !strcontains(alert.query, "linear_regressor:")])
    error_message = "An alert uses a recording rule, which Cloud Monitoring does not evaluate."
  }
  assert {
    condition     = !strcontains(jsonencode(output.dashboard), "$instance") && !strcontains(jsonencode(output.dashboard), "linear_regressor:")
    error_message = "The dashboard uses a variable of Grafana or a recording rule."
  }
}

run "keys_and_promoted_model" {
  variables {
    authentication       = "api-key"
    serve_promoted_model = true
  }
  assert {
    condition     = output.environment.AUTH == "api-key" && output.environment.API_KEYS_FILE == "/secrets/keys.json"
    error_message = "The server does not read the keys of the secret."
  }
  assert {
    condition     = output.environment.MODEL_PATH == "/models/linear-regressor"
    error_message = "The server does not follow the promotions in the bucket."
  }
}

run "no_jobs_without_their_image" {
  variables {
    initial_jobs_image = null
  }
  assert {
    condition     = length(output.jobs) == 0
    error_message = "Jobs are created without an image."
  }
}

run "no_pipeline_without_data" {
  variables {
    training = null
  }
  assert {
    condition     = keys(output.jobs) == ["migrate", "monitor", "retrain"]
    error_message = "The pipeline is created without data."
  }
}

run "a_tag_is_refused" {
  command = plan
  variables {
    initial_image = "example/server:latest"
  }
  expect_failures = [var.initial_image]
}

run "a_tag_of_the_jobs_is_refused" {
  command = plan
  variables {
    initial_jobs_image = "example/jobs:latest"
  }
  expect_failures = [var.initial_jobs_image]
}

run "another_environment_is_refused" {
  command = plan
  variables {
    environment = "production"
  }
  expect_failures = [var.environment]
}

run "no_authentication_by_tokens" {
  command = plan
  variables {
    authentication = "oidc"
  }
  expect_failures = [var.authentication]
}

run "data_outside_buckets_are_refused" {
  command = plan
  variables {
    training = {
      data      = "gs://example-data/train/*.parquet"
      test_data = "https://example.org/test.csv"
      schema    = "format: 1\n"
      features  = "age,bmi"
      target    = "score"
    }
  }
  expect_failures = [var.training]
}

run "as_many_connections_as_instances_need" {
  variables {
    max_instances            = 10
    database_max_connections = 86 # 2 * 10 * 3 + 4 * 4 + 10
  }
}

run "more_instances_than_connections_are_refused" {
  command = plan
  variables {
    max_instances            = 11
    database_max_connections = 86
  }
  expect_failures = [terraform_data.connections]
}

run "more_at_least_than_at_most_is_refused" {
  command = plan
  variables {
    min_instances = 5
    max_instances = 4
  }
  expect_failures = [terraform_data.connections]
}
