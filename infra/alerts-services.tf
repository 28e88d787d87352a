locals {
  # Push subscriptions of this environment, and not those of one whose prefix begins with this one.
  push_subscriptions = "^${var.prefix}-(control|callbacks|queue-.*)-push$"

  # Cloud Tasks queues of this environment: for delayed messages, and with limits.
  task_queues = "^${var.prefix}-(timers|queue-.*)$"

  # Alerts on metrics of Google's services. A push without an answer is repeated after up to ten
  # minutes: a message older than half an hour has failed several times, or can't be delivered.
  service_alerts = {
    "undelivered" = {
      title     = "Pub/Sub gave messages up"
      filter    = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${local.dead_letters_topic}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      aligner   = "ALIGN_MAX"
      period    = "60s"
      threshold = 0
      duration  = "0s"
      severity  = "ERROR"
      content   = "Messages failed 100 times and are in the subscription ${local.dead_letters_topic}, for 31 days. Fix the cause, then publish them to their topics again."
    }
    "old-messages" = {
      title     = "Messages wait"
      filter    = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=monitoring.regex.full_match(\"${local.push_subscriptions}\") AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      aligner   = "ALIGN_MAX"
      period    = "60s"
      threshold = 1800
      duration  = "300s"
      severity  = "WARNING"
      content   = "The oldest message of a subscription has waited for half an hour. The function fails, may not be called, or has too few instances."
    }
    # A failed delivery is repeated within ten minutes. Failures in every quarter of an hour, for half an hour, are
    # not single ones.
    "failed-tasks" = {
      title     = "Cloud Tasks can't deliver"
      filter    = "resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=monitoring.regex.full_match(\"${local.task_queues}\") AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND metric.labels.response_code!=\"ok\""
      aligner   = "ALIGN_DELTA"
      period    = "900s"
      threshold = 0
      duration  = "1800s"
      severity  = "WARNING"
      content   = "Tasks of a Cloud Tasks queue keep failing: delayed messages can't be published, or the function refuses tasks of a queue with limits."
    }
  }
}

# docs/operations.md has a section for each alert, by its key.
resource "google_monitoring_alert_policy" "service" {
  for_each = local.service_alerts

  display_name          = "Baton (${var.prefix}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period   = each.value.period
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content   = "${each.value.content}\n\ndocs/operations.md, \"${each.key}\"."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.this["monitoring.googleapis.com"]]
}

# One in twenty answers of the function is an error (5xx): Pub/Sub repeats single ones, and they need no alert.
resource "google_monitoring_alert_policy" "errors" {
  display_name          = "Baton (${var.prefix}): The function fails"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "More than 5 % of the answers are errors"

    condition_threshold {
      filter             = "${local.function_requests} AND metric.labels.response_code_class=\"5xx\""
      denominator_filter = local.function_requests
      comparison         = "COMPARISON_GT"
      threshold_value    = 0.05
      duration           = "600s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }

      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "Failed messages are redelivered, but a function that always fails does no work. The log has the errors, as `Delivery failed`.\n\ndocs/operations.md, \"errors\"."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.this["monitoring.googleapis.com"]]
}
