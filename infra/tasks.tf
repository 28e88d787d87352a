# Delayed messages: retries, sleeps, polls. Each task publishes its message to its topic when it is due.
# The name of a queue that was deleted can't be used again for some days.
resource "google_cloud_tasks_queue" "timers" {
  name     = local.timers_queue
  location = var.region

  # The highest rate of Cloud Tasks: a publish is short, and due messages should not wait.
  rate_limits {
    max_dispatches_per_second = 500  # table: timers.maxDispatchesPerSecond
    max_concurrent_dispatches = 1000 # table: timers.maxConcurrentDispatches
  }

  # For about eight hours. Only the sweep finds a message that was given up earlier.
  retry_config {
    max_attempts  = 100    # table: timers.maxAttempts
    min_backoff   = "1s"   # table: timers.minBackoffSeconds
    max_backoff   = "300s" # table: timers.maxBackoffSeconds
    max_doublings = 9      # table: timers.maxDoublings
  }

  depends_on = [google_project_service.this["cloudtasks.googleapis.com"]]
}

# Tasks of queues with limits (BATON_QUEUES). These queues call the function themselves, and their limits hold for all its
# instances. Their topics stay, for messages published before. A deleted queue loses its tasks: the sweep publishes them
# again, to the topic.
resource "google_cloud_tasks_queue" "limited" {
  for_each = var.queue_limits

  name     = "${var.prefix}-queue-${each.key}"
  location = var.region

  rate_limits {
    max_concurrent_dispatches = each.value.concurrency
    max_dispatches_per_second = local.dispatches_per_second[each.key]
  }

  # Unlimited, and no faster than the push subscriptions. Baton itself stores a message that can never be handled as a dead
  # letter. A message that kills the function before that is redelivered every ten minutes, and the alert on queues fires.
  retry_config {
    max_attempts = -1     # table: limitedQueues.maxAttempts
    min_backoff  = "10s"  # table: limitedQueues.minBackoffSeconds
    max_backoff  = "600s" # table: limitedQueues.maxBackoffSeconds
  }

  lifecycle {
    precondition {
      condition     = local.dispatches_per_second[each.key] <= 500
      error_message = "The queue ${each.key} has a rate of ${coalesce(each.value.rate, "500/s")}: Cloud Tasks starts at most 500 tasks of a queue a second."
    }
  }

  depends_on = [google_project_service.this["cloudtasks.googleapis.com"]]
}

locals {
  seconds_of_unit = { s = 1, m = 60, h = 3600 }

  # Without a rate, the maximum of Cloud Tasks. Six decimals: a periodic fraction would be a change in every plan.
  dispatches_per_second = {
    for queue, limit in var.queue_limits : queue => limit.rate == null ? 500 : floor(
      1000000 * tonumber(split("/", limit.rate)[0]) / local.seconds_of_unit[split("/", limit.rate)[1]]
    ) / 1000000
  }

  # The same limits in the form of BATON_QUEUES.
  limited_queues = join(",", [for queue, limit in var.queue_limits : "${queue}=${limit.concurrency}${limit.rate == null ? "" : "@${limit.rate}"}"])
}
