# Once a minute, a sweep finds work that has lost its driver, and a tick starts the schedules whose time has come: the
# workflows say when that is, so that there is no job for each of them. Both are needed also where no workflow of the
# function has a schedule: one may be stored later, by `baton apply`.
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
