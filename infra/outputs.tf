locals {
  # The function's variables that follow from these resources; docs/configuration.md describes each.
  # A variable that is null is not set. A test reads this as the function would, and compares it with `baton deploy`.
  function_environment = {
    BATON_ENGINE            = "gcp"
    BATON_PROJECT           = var.project
    BATON_LOCATION          = var.region
    BATON_PREFIX            = var.prefix
    BATON_DATABASE          = var.database
    BATON_BUCKET            = local.bucket
    BATON_INBOX_BUCKET      = local.inbox_bucket
    BATON_DATASET           = var.dataset
    BATON_BIGQUERY_LOCATION = local.bigquery_location
    BATON_SERVICE_ACCOUNT   = google_service_account.function.email
    BATON_FUNCTION_TIMEOUT  = "${var.function_timeout_seconds}s"
    BATON_LEASE             = "${var.lease_seconds}s"
    BATON_RETENTION         = "${var.retention_days}d"
    BATON_COMPLETIONS       = var.completions == "published" ? null : var.completions
    BATON_AUDIENCE          = local.function_url
    BATON_CALLERS           = google_service_account.push.email
    BATON_QUEUES            = local.limited_queues == "" ? null : local.limited_queues
    BATON_TRACES            = var.tracing ? "otlp" : null
  }

  function_secrets = {
    BATON_CALLBACK_SECRET       = "${local.callback_secret}:latest"
    BATON_POWERBI_CLIENT_SECRET = var.power_bi ? "${local.power_bi_secret}:latest" : null
  }
}

output "project" {
  description = "The project, for gcloud."
  value       = var.project
}

output "region" {
  description = "The region, for gcloud."
  value       = var.region
}

output "function_name" {
  description = "Name of the function."
  value       = local.function_name
}

output "function_url" {
  description = "URL of the deployed function: the target of pushes, and the audience of their tokens."
  value       = local.function_url
}

output "function_environment" {
  description = "Variables of the function."
  value       = { for name, value in local.function_environment : name => value if value != null }
}

output "function_secrets" {
  description = "Variables of the function with values from Secret Manager, in the form of --set-secrets."
  value       = { for name, value in local.function_secrets : name => value if value != null }
}

output "function_settings" {
  description = "Settings of the function: values of the flags of `gcloud run deploy`."
  value = {
    timeout       = "${var.function_timeout_seconds}s"
    min-instances = var.min_instances
    max-instances = var.max_instances
    concurrency   = var.concurrency
    cpu           = var.cpu
    memory        = var.memory
  }

  precondition {
    condition     = var.min_instances <= var.max_instances
    error_message = "min_instances (${var.min_instances}) is more than max_instances (${var.max_instances}), the most there are at a time."
  }
}

output "function_service_account" {
  description = "Account of the function."
  value       = google_service_account.function.email
}

output "push_service_account" {
  description = "Account that calls the function: grant it roles/run.invoker on the function, and no other account."
  value       = google_service_account.push.email
}

output "build_service_account" {
  description = "Account that builds the function, in the form of --build-service-account."
  value       = google_service_account.build.name
}

output "deployer_service_account" {
  description = "Account that may deploy new versions of the function."
  value       = google_service_account.deployer.email
}

output "image" {
  description = "Image of the function, without a tag."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}/${local.function_name}"
}

output "control_topic" {
  description = "Topic of starts, events, completions and notifications of files."
  value       = google_pubsub_topic.this[local.control_topic].id
}

output "topics" {
  description = "All topics with a push subscription to the function."
  value       = sort([for topic in google_pubsub_topic.this : topic.id])
}

output "dead_letters_subscription" {
  description = "Subscription with the messages that Pub/Sub gave up."
  value       = google_pubsub_subscription.dead_letters.id
}

output "bucket" {
  description = "Bucket of results, reports, definitions and dead letters."
  value       = local.bucket
}

output "inbox_bucket" {
  description = "Bucket that files are dropped in."
  value       = local.inbox_bucket
}

output "dashboard" {
  description = "The overview, on one page."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.this.id), 3)}?project=${var.project}"
}
