# The function's rights: the roles of src/configuration/google-requirements.ts, each on the smallest resource that allows a grant.
# The tests compare both. Every grant adds one member and touches no other.

locals {
  # Databases have no grants of their own: a condition limits a grant on the project to one of them.
  # https://cloud.google.com/firestore/native/docs/manage-databases#configure_per-database_access_permissions
  this_database = {
    title      = "${var.prefix}: its own database"
    expression = "resource.name == \"projects/${var.project}/databases/${var.database}\""
  }
}

# To read and write documents of this database, and of no other.
resource "google_project_iam_member" "function_firestore" {
  project = var.project
  role    = "roles/datastore.user" # table: role.firestore.0
  member  = google_service_account.function.member

  condition {
    title      = local.this_database.title
    expression = local.this_database.expression
  }

  # When the database changes, the function keeps its old right for the minutes until the new one takes effect.
  lifecycle {
    create_before_destroy = true
  }
}

# To publish, also the messages that Cloud Tasks publishes later as its account.
resource "google_pubsub_topic_iam_member" "function_publisher" {
  for_each = local.topics

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.publisher" # table: role.pubSub.0
  member = google_service_account.function.member
}

# To schedule messages, and to check whether one whose name is taken is still scheduled.
resource "google_cloud_tasks_queue_iam_member" "function_timers" {
  for_each = toset(["roles/cloudtasks.enqueuer", "roles/cloudtasks.viewer"]) # table: roles.cloudTasks

  location = google_cloud_tasks_queue.timers.location
  name     = google_cloud_tasks_queue.timers.name
  role     = each.key
  member   = google_service_account.function.member
}

# To let Cloud Tasks publish as the function: a task names the function's account, which requires the right to act as it.
# Cloud Tasks gets the token by roles/cloudtasks.serviceAgent, which Google grants with the service.
resource "google_service_account_iam_member" "function_as_itself" {
  service_account_id = google_service_account.function.name
  role               = "roles/iam.serviceAccountUser" # table: role.serviceAccount.0
  member             = google_service_account.function.member
}

# To put tasks into queues with limits, …
resource "google_cloud_tasks_queue_iam_member" "function_limited_enqueuer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.enqueuer" # table: role.limitedQueues.0
  member   = google_service_account.function.member
}

# … to check whether one whose name is taken still waits there, …
resource "google_cloud_tasks_queue_iam_member" "function_limited_viewer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.viewer" # table: role.limitedQueues.1
  member   = google_service_account.function.member
}

# … and to have Cloud Tasks call the function as the push account.
resource "google_service_account_iam_member" "function_as_push" {
  count = length(var.queue_limits) > 0 ? 1 : 0

  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountUser" # table: role.pushAccount.0
  member             = google_service_account.function.member
}

# To read dropped files and move them to the archive, and to store results, reports and dead letters.
resource "google_storage_bucket_iam_member" "function_objects" {
  for_each = toset([local.bucket, local.inbox_bucket])

  bucket = each.key
  role   = "roles/storage.objectUser" # table: role.storage.0
  member = google_service_account.function.member

  depends_on = [google_storage_bucket.this, google_storage_bucket.inbox]
}

# To load, copy and query. Jobs belong to the project; grants on the dataset decide which tables they can read.
resource "google_project_iam_member" "function_bigquery_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser" # table: role.bigQueryJobs.0
  member  = google_service_account.function.member
}

# To read and write tables of this dataset, and of no other.
resource "google_bigquery_dataset_iam_member" "function_tables" {
  dataset_id = google_bigquery_dataset.this.dataset_id
  role       = "roles/bigquery.dataEditor" # table: role.bigQueryData.0
  member     = google_service_account.function.member
}

# To read its secrets when an instance starts.
resource "google_secret_manager_secret_iam_member" "function_secrets" {
  for_each = local.secrets

  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor" # table: role.secretManager.0
  member    = google_service_account.function.member
}

# To send traces, if they are enabled: docs/tracing.md.
resource "google_project_iam_member" "function_traces" {
  for_each = var.tracing ? toset([
    "roles/serviceusage.serviceUsageConsumer",
    "roles/telemetry.tracesWriter",
  ]) : toset([])

  project = var.project
  role    = each.key
  member  = google_service_account.function.member
}
