# Who is told.
resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "Baton (${var.prefix}): ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  # Who is named no longer leaves all alerts; else the service refuses to delete a channel that alerts go to.
  force_delete = true

  depends_on = [google_project_service.this["monitoring.googleapis.com"]]
}

locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  # Metrics that are made here, as PromQL names them: https://cloud.google.com/monitoring/promql/promql-mapping
  promql_prefix = "logging_googleapis_com:user_${replace(var.prefix, "-", "_")}"
  promql        = { for name in keys(local.log_metrics) : name => "${local.promql_prefix}_${name}{monitored_resource=\"cloud_run_revision\"}" }
  # Runs of the jobs, none being zero: what was never counted is not there.
  promql_runs = {
    for kind in ["sweep", "tick"] :
    kind => "(sum(increase(${local.promql_prefix}_scheduler_runs{monitored_resource=\"cloud_scheduler_job\",job_id=\"${var.prefix}-${kind}\"}[20m])) or vector(0))"
  }

  # Alerts on what the log says. None of them looks at whether its metric has been seen yet: most never are. All look back for
  # longer than ten minutes, which is how late a metric of the log may come: what came after its time was over would never be seen.
  # https://cloud.google.com/logging/docs/logs-based-metrics/troubleshooting
  log_alerts = merge(
    {
      "dead-letters" = {
        title    = "Baton keeps dead letters"
        query    = "sum by (code) (increase(${local.promql.dead_letters}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "Messages could not be handled and are kept. `baton dead-letters` shows them, with what to do; `baton replay` takes one up again."
      }
      "stuck-batches" = {
        title    = "TaskBatches do not move"
        query    = "sum by (workflow) (increase(${local.promql.batches_stuck}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "Something should be under way in a batch, but nothing has happened for an hour, however often the sweep published it anew. `baton show <batchId>` tells which of its tasks wait, and for what."
      }
      "callback-given-up" = {
        title    = "A callback was given up"
        query    = "sum by (task) (increase(${local.promql.callbacks_given_up}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "A receiver took no try of a callback for three days. The log names the event and the reason; `baton resend` sends it again."
      }
      "sweep-missing" = {
        title    = "The sweep does not run"
        query    = "${local.promql_runs.sweep} < 1"
        duration = "600s"
        severity = "CRITICAL"
        content  = "Cloud Scheduler has not published a sweep for 20 minutes: lost work is not found. `baton doctor` looks at the job."
      }
    },
    var.alert_failed_batches ? {
      "batch-failed" = {
        title    = "A batch failed"
        query    = "sum by (workflow) (increase(${local.promql.batches_failed}[30m])) > 0"
        duration = "0s"
        severity = "WARNING"
        content  = "A batch ended ERROR: a task failed for good. `baton show <batchId>` has its error, `baton retry <batchId>` runs what is missing."
      }
    } : {},
    var.has_schedules ? {
      "tick-missing" = {
        title    = "Schedules are not looked at"
        query    = "${local.promql_runs.tick} < 1"
        duration = "600s"
        severity = "CRITICAL"
        content  = "Cloud Scheduler has not published a tick for 20 minutes: no schedule starts a batch. `baton doctor` looks at the job."
      }
      "schedule-failed" = {
        title    = "A schedule did not run"
        query    = "sum by (workflow) (increase(${local.promql.schedules_failed}[30m])) > 0"
        duration = "0s"
        severity = "ERROR"
        content  = "A schedule could not start its batch, or has missed a time. The log names the workflow and the reason."
      }
    } : {},
  )
}

# Each alert has its section in docs/operations.md, by the name it has here.
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
      # A metric of the log can be asked for some minutes after it was made, and only once it has counted something.
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
