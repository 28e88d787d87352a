# The project's number is part of the function's URL and of the names of Google's service agents. It has no dependencies:
# otherwise each newly enabled service would make the number unknown until then, and every grant with it would be removed
# and created again. So the service that it reads must be enabled before, see README.md.
data "google_project" "this" {
  project_id = var.project
}

locals {
  function_name      = var.function_name == "" ? var.prefix : var.function_name
  firestore_location = var.firestore_location == "" ? var.region : var.firestore_location
  bigquery_location  = var.bigquery_location == "" ? var.region : var.bigquery_location
  bucket             = var.bucket == "" ? "${var.project}-${var.prefix}" : var.bucket
  inbox_bucket       = var.inbox_bucket == "" ? "${var.project}-${var.prefix}-inbox" : var.inbox_bucket

  # A queue with limits is included, whether or not it is named a second time.
  queues = distinct(concat(var.queues, keys(var.queue_limits)))

  # The names of src/core/queues.ts.
  control_topic      = "${var.prefix}-control"
  callbacks_topic    = "${var.prefix}-callbacks"
  queue_topics       = [for queue in local.queues : "${var.prefix}-queue-${queue}"]
  topics             = toset(concat([local.control_topic, local.callbacks_topic], local.queue_topics))
  dead_letters_topic = "${var.prefix}-dead-letters"
  timers_queue       = "${var.prefix}-timers"

  # Known before the function exists: https://cloud.google.com/run/docs/triggering/https-request#deterministic
  function_url = "https://${local.function_name}-${data.google_project.this.number}.${var.region}.run.app"

  # Google's own accounts that act here. They exist once their service is enabled and used.
  pubsub_agent  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  storage_agent = "serviceAccount:service-${data.google_project.this.number}@gs-project-accounts.iam.gserviceaccount.com"
}
