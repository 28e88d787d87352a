locals {
  # Lines of the function's log; src/adapters/pino writes them.
  function_log = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.function_name}\""

  # The messages are literals of the code that logs them; a test looks each of them up there.
  log_metrics = {
    batches_started = {
      description = "Started TaskBatches."
      filter      = "jsonPayload.message=\"batch started\""
      labels      = { workflow = "jsonPayload.workflowId" }
    }
    batches_ended = {
      description = "Ended TaskBatches, by status."
      filter      = "jsonPayload.message=\"batch ended\""
      labels      = { workflow = "jsonPayload.workflowId", status = "jsonPayload.status" }
    }
    batches_failed = {
      description = "TaskBatches that ended ERROR."
      filter      = "jsonPayload.message=\"batch failed\""
      labels      = { workflow = "jsonPayload.workflowId" }
    }
    callbacks_given_up = {
      description = "Callbacks that were given up after three days."
      filter      = "jsonPayload.message=\"a callback is given up\""
      labels      = { task = "jsonPayload.taskId" }
    }
    batches_stuck = {
      description = "Inspections of TaskBatches that made no progress for an hour, although they have work to do."
      filter      = "jsonPayload.message=\"a batch does not move\""
      labels      = { workflow = "jsonPayload.workflowId" }
    }
    attempts_failed = {
      description = "Failed attempts of tasks, by error; most are retried."
      filter      = "jsonPayload.message=\"attempt failed\""
      labels      = { code = "jsonPayload.code" }
    }
    dead_letters = {
      description = "Messages that Baton could not handle and stored as dead letters."
      filter      = "jsonPayload.message=\"dead letter\""
      labels      = { code = "jsonPayload.code" }
    }
    schedules_failed = {
      description = "Schedules that could not start a batch, or have missed a slot."
      filter      = "jsonPayload.message=(\"a schedule failed\" OR \"a slot was refused\" OR \"missed slots are skipped\")"
      labels      = { workflow = "jsonPayload.workflowId" }
    }
  }
}

# Counts lines of the function's log. Labels have few values: each combination is a separate time series.
resource "google_logging_metric" "log" {
  for_each = local.log_metrics

  name        = "${var.prefix}/${each.key}"
  description = each.value.description
  filter      = "${local.function_log} AND ${each.value.filter}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(${field})" }

  depends_on = [google_project_service.this["logging.googleapis.com"]]
}

# Counts the messages that Cloud Scheduler has published, by job.
resource "google_logging_metric" "scheduler_runs" {
  name        = "${var.prefix}/scheduler_runs"
  description = "Sweeps and ticks that Cloud Scheduler has published."
  filter = join(" AND ", [
    "resource.type=\"cloud_scheduler_job\"",
    "resource.labels.job_id=(${join(" OR ", [for job in google_cloud_scheduler_job.minute : "\"${job.name}\""])})",
    "jsonPayload.\"@type\"=\"type.googleapis.com/google.cloud.scheduler.logging.AttemptFinished\"",
    "severity<ERROR",
  ])

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [google_project_service.this["logging.googleapis.com"]]
}
