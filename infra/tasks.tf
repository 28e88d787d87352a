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

# Tasks of queues that have limits of their own (BATON_QUEUES). These queues call the function themselves, and count over all
# its instances; their topics stay, for what was published before. A queue that goes takes its tasks along: the sweep publishes
# them again, to the topic.
resource "google_cloud_tasks_queue" "limited" {
  for_each = var.queue_limits

  name     = "${var.prefix}-queue-${each.key}"
  location = var.region

  rate_limits {
    max_concurrent_dispatches = each.value.concurrency
    max_dispatches_per_second = local.dispatches_per_second[each.key]
  }

  # Without end, and no faster than the push subscriptions: what can never be handled, Baton itself keeps as a dead letter. What ends the
  # function before it can do that comes again every ten minutes, and the alert on such queues tells.
  retry_config {
    max_attempts = -1
    min_backoff  = "10s"
    max_backoff  = "600s"
  }

  lifecycle {
    precondition {
      condition     = local.dispatches_per_second[each.key] <= 500
      error_message = "The queue ${each.key} has a rate of ${coalesce(each.value.rate, "500/s")}: Cloud Tasks begins 500 tasks of a queue in a second, at most."
    }
  }

  depends_on = [google_project_service.this["cloudtasks.googleapis.com"]]
}

locals {
  seconds_of_unit = { s = 1, m = 60, h = 3600 }

  # Without a rate, as fast as Cloud Tasks goes. Six decimals: what never ends would be a change in every plan.
  dispatches_per_second = {
    for queue, limit in var.queue_limits : queue => limit.rate == null ? 500 : floor(
      1000000 * tonumber(split("/", limit.rate)[0]) / local.seconds_of_unit[split("/", limit.rate)[1]]
    ) / 1000000
  }

  # The same as BATON_QUEUES has it.
  limited_queues = join(",", [for queue, limit in var.queue_limits : "${queue}=${limit.concurrency}${limit.rate == null ? "" : "@${limit.rate}"}"])
}
