# The project's number is part of the function's URL and of the names of Google's service agents. It depends on nothing:
# else each service that is switched on later would leave the number unknown until then, and every grant with it would be
# taken away and given anew. So the service it asks has to be there beforehand, see README.md.
data "google_project" "this" {
  project_id = var.project
}

locals {
  function_name      = var.function_name == "" ? var.prefix : var.function_name
  firestore_location = var.firestore_location == "" ? var.region : var.firestore_location
  bigquery_location  = var.bigquery_location == "" ? var.region : var.bigquery_location
  bucket             = var.bucket == "" ? "${var.project}-${var.prefix}" : var.bucket
  inbox_bucket       = var.inbox_bucket == "" ? "${var.project}-${var.prefix}-inbox" : var.inbox_bucket

  # One that has limits is there, whether or not it is named a second time.
  queues = distinct(concat(var.queues, keys(var.queue_limits)))

  # Names that src/core/topics.ts gives them.
  control_topic      = "${var.prefix}-control"
  callbacks_topic    = "${var.prefix}-callbacks"
  queue_topics       = [for queue in local.queues : "${var.prefix}-queue-${queue}"]
  topics             = toset(concat([local.control_topic, local.callbacks_topic], local.queue_topics))
  dead_letters_topic = "${var.prefix}-dead-letters"
  timers_queue       = "${var.prefix}-timers"

  # Known before the function is there: https://cloud.google.com/run/docs/triggering/https-request#deterministic
  function_url = "https://${local.function_name}-${data.google_project.this.number}.${var.region}.run.app"

  # Google's own accounts that act here. They are there once their service is enabled and used.
  pubsub_agent  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  storage_agent = "serviceAccount:service-${data.google_project.this.number}@gs-project-accounts.iam.gserviceaccount.com"
}
