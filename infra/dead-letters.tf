# Messages that Pub/Sub gave up delivering. Baton's own dead letters, which can be read and replayed, are in the database.
resource "google_pubsub_topic" "dead_letters" {
  name = local.dead_letters_topic

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this["pubsub.googleapis.com"]]
}

# Without a subscription, messages of the topic are lost. It keeps them for the maximum time, since weeks may pass unnoticed.
resource "google_pubsub_subscription" "dead_letters" {
  name  = local.dead_letters_topic
  topic = google_pubsub_topic.dead_letters.id

  ack_deadline_seconds       = 600
  message_retention_duration = "2678400s" # table: deadLetters.retentionSeconds

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub's own account moves a message: it publishes it there …
resource "google_pubsub_topic_iam_member" "dead_letters_publisher" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

# … and acknowledges it here. Without either grant the policy silently does nothing.
resource "google_pubsub_subscription_iam_member" "dead_letters_subscriber" {
  for_each = local.topics

  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
