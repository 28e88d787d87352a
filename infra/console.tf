# The console as a service of its own, behind Identity-Aware Proxy (`baton deploy --console`). gcloud deploys it, like the
# function. Its account may read what the pages show; it may change something only if BATON_CONSOLE_OPERATORS names
# people who may.

locals {
  # The queues that the console puts tasks into.
  console_limits = var.console_acts ? var.queue_limits : {}
}

# The account of the console.
resource "google_service_account" "console" {
  count = var.console ? 1 : 0

  account_id   = "${var.prefix}-console"
  display_name = "Baton (${var.prefix}): the console"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# To read documents of this database, and of no other.
resource "google_project_iam_member" "console_reads_firestore" {
  count = var.console ? 1 : 0

  project = var.project
  role    = "roles/datastore.viewer" # table: role.consoleReadsFirestore.0
  member  = google_service_account.console[0].member

  condition {
    title      = local.this_database.title
    expression = local.this_database.expression
  }

  lifecycle {
    create_before_destroy = true
  }
}

# To show large results, reports, definitions and dead letters.
resource "google_storage_bucket_iam_member" "console_reads_objects" {
  count = var.console ? 1 : 0

  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectViewer" # table: role.consoleReadsStorage.0
  member = google_service_account.console[0].member
}

# A button does what its command does, with the same rights: it writes documents, …
resource "google_project_iam_member" "console_writes_firestore" {
  count = var.console_acts ? 1 : 0

  project = var.project
  role    = "roles/datastore.user" # table: role.firestore.0
  member  = google_service_account.console[0].member

  condition {
    title      = local.this_database.title
    expression = local.this_database.expression
  }

  lifecycle {
    create_before_destroy = true
  }
}

# … stores large inputs and results, …
resource "google_storage_bucket_iam_member" "console_writes_objects" {
  count = var.console_acts ? 1 : 0

  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser" # table: role.storage.0
  member = google_service_account.console[0].member
}

# … publishes messages, …
resource "google_pubsub_topic_iam_member" "console_publisher" {
  for_each = var.console_acts ? local.topics : toset([])

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.publisher" # table: role.pubSub.0
  member = google_service_account.console[0].member
}

# … also into queues with limits, …
resource "google_cloud_tasks_queue_iam_member" "console_limited_enqueuer" {
  for_each = local.console_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.enqueuer" # table: role.limitedQueues.0
  member   = google_service_account.console[0].member
}

# … where it checks whether a task whose name is taken still waits, …
resource "google_cloud_tasks_queue_iam_member" "console_limited_viewer" {
  for_each = local.console_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.viewer" # table: role.limitedQueues.1
  member   = google_service_account.console[0].member
}

# … and whose tasks call the function as the push account.
resource "google_service_account_iam_member" "console_as_push" {
  count = length(local.console_limits) > 0 ? 1 : 0

  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountUser" # table: role.pushAccount.0
  member             = google_service_account.console[0].member
}

# To deploy new versions of the console.
resource "google_service_account_iam_member" "deployer_acts_as_console" {
  count = var.console ? 1 : 0

  service_account_id = google_service_account.console[0].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}
