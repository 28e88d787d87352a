# One topic for each queue of tasks, one for callbacks, one for messages between tasks: none waits for another.
resource "google_pubsub_topic" "this" {
  for_each = local.topics

  name = each.key

  # Without this policy, Pub/Sub stores a message in the region that it was published from.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this["pubsub.googleapis.com"]]
}

# Pushes the messages of a topic to the function. A signed token authenticates Pub/Sub.
resource "google_pubsub_subscription" "push" {
  for_each = local.topics

  name  = "${each.key}-push"
  topic = google_pubsub_topic.this[each.key].id

  ack_deadline_seconds       = var.ack_deadline_seconds
  message_retention_duration = "604800s" # table: push.retentionSeconds

  push_config {
    push_endpoint = local.function_url

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.function_url
    }
  }

  # Failed pushes are repeated with growing pauses, not at once.
  retry_policy {
    minimum_backoff = "10s"  # table: push.minBackoffSeconds
    maximum_backoff = "600s" # table: push.maxBackoffSeconds
  }

  # The maximum of Pub/Sub: with these pauses that is most of a day, so that no outage makes dead letters of valid
  # messages. Baton itself stores a message that can never be handled as a dead letter at its first delivery.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = 100 # table: push.maxAttempts
  }

  # Never. By default a subscription without messages for 31 days is deleted, and later messages are lost.
  expiration_policy {
    ttl = ""
  }

  lifecycle {
    precondition {
      condition     = var.function_timeout_seconds < var.ack_deadline_seconds
      error_message = "function_timeout_seconds (${var.function_timeout_seconds}) has to be shorter than ack_deadline_seconds (${var.ack_deadline_seconds}): else a message comes again while its first delivery is still handled."
    }

    precondition {
      condition     = var.ack_deadline_seconds < var.lease_seconds
      error_message = "ack_deadline_seconds (${var.ack_deadline_seconds}) has to be shorter than lease_seconds (${var.lease_seconds}): else a message that comes again takes work from a worker that is alive."
    }
  }

  # Pub/Sub needs the right before it can create the token.
  depends_on = [google_service_account_iam_member.push_token]
}
