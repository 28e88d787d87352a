# Once a minute, a sweep finds lost work, and a tick starts the due slots of schedules. The workflows define the slots, so
# one job serves them all. Both are needed even if no workflow of the function has a schedule: `baton apply` may store one
# later.
resource "google_cloud_scheduler_job" "minute" {
  for_each = toset(["sweep", "tick"])

  name        = "${var.prefix}-${each.key}"
  description = "Publishes {\"kind\":\"${each.key}\"} to ${local.control_topic}."
  region      = var.region
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  # Cloud Scheduler publishes by its own service agent; no other account is needed.
  pubsub_target {
    topic_name = google_pubsub_topic.this[local.control_topic].id
    data       = base64encode(jsonencode({ kind = each.key }))
  }

  retry_config {
    retry_count = 3
  }

  depends_on = [google_project_service.this["cloudscheduler.googleapis.com"]]
}
