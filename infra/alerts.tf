# The recipients of alerts.
resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "Baton (${var.prefix}): ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  # A removed address leaves all alerts; otherwise the service refuses to delete a channel that alerts use.
  force_delete = true

  depends_on = [google_project_service.this["monitoring.googleapis.com"]]
}

locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  # The metrics of metrics.tf, as PromQL names them: https://cloud.google.com/monitoring/promql/promql-mapping
  promql_prefix = "logging_googleapis_com:user_${replace(var.prefix, "-", "_")}"
  promql        = { for name in keys(local.log_metrics) : name => "${local.promql_prefix}_${name}{monitored_resource=\"cloud_run_revision\"}" }
  # Runs of the jobs, zero if there are none: a metric without data does not exist.
  promql_runs = {
    for kind in ["sweep", "tick"] :
    kind => "(sum(increase(${local.promql_prefix}_scheduler_runs{monitored_resource=\"cloud_scheduler_job\",job_id=\"${var.prefix}-${kind}\"}[20m])) or vector(0))"
  }

  # Alerts on lines of the log. None requires that its metric has data: most never have. All look back for more than ten
  # minutes, the maximum delay of a log metric: with a shorter window, delayed data would be missed.
  # https://cloud.google.com/logging/docs/logs-based-metrics/troubleshooting
  log_alerts = merge(
    {
      "dead-letters" = {
        title    = "Baton keeps dead letters"
        query    = "sum by (code) (increase(${local.promql.dead_letters}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "Messages could not be handled and are stored. `baton dead-letters` shows them, with what to do; `baton replay` publishes one again."
      }
      "stuck-batches" = {
        title    = "TaskBatches do not move"
        query    = "sum by (workflow) (increase(${local.promql.batches_stuck}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "A batch has work to do, but nothing has happened for an hour, although the sweep published it repeatedly. `baton show <batchId>` shows which of its tasks wait, and for what."
      }
      "callback-given-up" = {
        title    = "A callback was given up"
        query    = "sum by (task) (increase(${local.promql.callbacks_given_up}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "A receiver accepted no attempt of a callback for three days. The log names the event and the reason; `baton resend` sends it again."
      }
      "sweep-missing" = {
        title    = "The sweep does not run"
        query    = "${local.promql_runs.sweep} < 1"
        duration = "600s"
        severity = "CRITICAL"
        content  = "Cloud Scheduler has not published a sweep for 20 minutes: lost work is not found. `baton doctor` checks the job."
      }
    },
    var.alert_failed_batches ? {
      "batch-failed" = {
        title    = "A batch failed"
        query    = "sum by (workflow) (increase(${local.promql.batches_failed}[30m])) > 0"
        duration = "0s"
        severity = "WARNING"
        content  = "A batch ended ERROR: a task failed in its last attempt. `baton show <batchId>` has its error, `baton retry <batchId>` runs the missing tasks."
      }
    } : {},
    var.has_schedules ? {
      "tick-missing" = {
        title    = "Schedules are not checked"
        query    = "${local.promql_runs.tick} < 1"
        duration = "600s"
        severity = "CRITICAL"
        content  = "Cloud Scheduler has not published a tick for 20 minutes: no schedule starts a batch. `baton doctor` checks the job."
      }
      "schedule-failed" = {
        title    = "A schedule did not run"
        query    = "sum by (workflow) (increase(${local.promql.schedules_failed}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "A schedule could not start its batch, or has missed a slot. The log names the workflow and the reason."
      }
    } : {},
  )
}

# docs/operations.md has a section for each alert, by its key.
resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_alerts

  display_name          = "Baton (${var.prefix}): ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = "60s"
      # A log metric can be queried some minutes after its creation, and only once it has data.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = "${each.value.content}\n\ndocs/operations.md, \"${each.key}\"."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.log, google_logging_metric.scheduler_runs]
}
