locals {
  required_apis = [
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
  ]
  optional_apis = concat(
    var.tracing ? ["cloudtrace.googleapis.com", "telemetry.googleapis.com"] : [],
    var.console ? ["iap.googleapis.com"] : [],
    var.dataform ? ["dataform.googleapis.com"] : [],
    var.budget_amount > 0 ? ["billingbudgets.googleapis.com", "cloudbilling.googleapis.com"] : [],
  )
}

# Services must be enabled before their resources can be created. They stay enabled after Baton's removal: others may use them.
resource "google_project_service" "this" {
  for_each = toset(concat(local.required_apis, local.optional_apis))

  service            = each.key
  disable_on_destroy = false
}
