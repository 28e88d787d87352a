# Messages for later: retries, sleeps, polls. Each task publishes its message to its topic when its time has come.
# The name of a queue that was deleted can't be used again for some days.
resource "google_cloud_tasks_queue" "timers" {
  name     = local.timers_queue
  location = var.region

  # As fast as Cloud Tasks goes: a publish is over at once, and what is due should not wait.
  rate_limits {
    max_dispatches_per_second = 500
    max_concurrent_dispatches = 1000
  }

  # For about eight hours. What is given up earlier than that is found by the sweep only.
  retry_config {
    max_attempts  = 100
    min_backoff   = "1s"
    max_backoff   = "300s"
    max_doublings = 9
  }

  depends_on = [google_project_service.this["cloudtasks.googleapis.com"]]
}
