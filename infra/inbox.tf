# The account that Cloud Storage sends notifications as. Reading it creates it.
data "google_storage_project_service_account" "this" {
  count = var.file_triggers ? 1 : 0

  depends_on = [google_project_service.this["storage.googleapis.com"]]
}

# Cloud Storage may publish to the control topic, and to no other.
resource "google_pubsub_topic_iam_member" "inbox_publisher" {
  count = var.file_triggers ? 1 : 0

  topic  = google_pubsub_topic.this[local.control_topic].id
  role   = "roles/pubsub.publisher"
  member = local.storage_agent

  # Its name is known in advance, but not that it exists.
  depends_on = [data.google_storage_project_service_account.this]
}

# Announces every written file; workflows select theirs by name.
resource "google_storage_notification" "inbox" {
  count = var.file_triggers ? 1 : 0

  bucket         = local.inbox_bucket
  topic          = google_pubsub_topic.this[local.control_topic].id
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  lifecycle {
    precondition {
      condition     = local.inbox_bucket != local.bucket
      error_message = "The inbox is Baton's own bucket, ${local.bucket}: everything that Baton writes there would be announced as a dropped file. Name another bucket by inbox_bucket."
    }
  }

  depends_on = [google_pubsub_topic_iam_member.inbox_publisher, google_storage_bucket.inbox]
}
