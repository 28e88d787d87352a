locals {
  function_requests = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.function_name}\" AND metric.type=\"run.googleapis.com/request_count\""

  # Two charts in a row, as PromQL.
  charts = [
    { title = "TaskBatches started", query = "sum by (workflow) (increase(${local.promql.batches_started}[5m]))" },
    { title = "TaskBatches ended", query = "sum by (status) (increase(${local.promql.batches_ended}[5m]))" },
    { title = "Failed attempts", query = "sum by (code) (increase(${local.promql.attempts_failed}[5m]))" },
    { title = "Dead letters", query = "sum by (code) (increase(${local.promql.dead_letters}[5m]))" },
    { title = "Answers of the function", query = "sum by (response_code_class) (increase(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=\"${local.function_name}\"}[5m]))" },
    { title = "Latency of the function (95 %), ms", query = "histogram_quantile(0.95, sum by (le) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource=\"cloud_run_revision\",service_name=\"${local.function_name}\"}[5m])))" },
    { title = "Instances of the function", query = "sum by (state) (run_googleapis_com:container_instance_count{monitored_resource=\"cloud_run_revision\",service_name=\"${local.function_name}\"})" },
    { title = "Oldest message, s", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=~\"${local.push_subscriptions}\"})" },
    { title = "Messages that wait", query = "sum by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=~\"${local.push_subscriptions}|^${local.dead_letters_topic}$\"})" },
    { title = "Delayed messages, and tasks of queues with limits", query = "sum by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\",queue_id=~\"${local.task_queues}\"})" },
  ]
}

# The overview, on one page.
resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "Baton (${var.prefix})"
    mosaicLayout = {
      columns = 48
      tiles = [for index, chart in local.charts : merge(
        # The service omits values of 0: a 0 here would be a change in every plan.
        { for name, at in { xPos = index % 2 * 24, yPos = floor(index / 2) * 16 } : name => at if at > 0 },
        {
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType        = "LINE"
                targetAxis      = "Y1"
                timeSeriesQuery = { prometheusQuery = chart.query }
              }]
            }
          }
        },
      )]
    }
  })

  depends_on = [google_project_service.this["monitoring.googleapis.com"]]
}
