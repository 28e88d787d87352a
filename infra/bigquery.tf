# Tables that workflows load, and the archive of callbacks.
resource "google_bigquery_dataset" "this" {
  dataset_id                 = var.dataset
  location                   = local.bigquery_location
  description                = "Tables of Baton's workflows, and its archive of callbacks."
  delete_contents_on_destroy = !var.delete_protection

  depends_on = [google_project_service.this["bigquery.googleapis.com"]]
}

locals {
  # The `archiveColumns` of src/core/callback.ts, after the columns of the key.
  callback_columns = [
    { name = "status", type = "STRING" },
    { name = "callback_payload", type = "JSON" },
    { name = "created_at", type = "TIMESTAMP" },
    { name = "updated_at", type = "TIMESTAMP" },
    { name = "event_id", type = "STRING" },
    { name = "url", type = "STRING" },
  ]
  callback_key_columns = [for column in var.callback_key : { name = column, type = "STRING" }]
}

# The last completed callback of every key. Baton creates the table with its first callback, in exactly this form. It can
# be created earlier here, for other tables and views that depend on it. Its key must be that of the workflows.
resource "google_bigquery_table" "callbacks" {
  count = length(var.callback_key) > 0 ? 1 : 0

  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = "enrichment_callbacks"
  deletion_protection = var.delete_protection
  clustering          = slice(var.callback_key, 0, min(4, length(var.callback_key)))

  # Partitioned by day: a search by `created_at` reads few partitions.
  time_partitioning {
    type  = "DAY"
    field = "created_at"
  }

  schema = jsonencode([
    for column in concat(local.callback_key_columns, local.callback_columns) : merge(column, { mode = "NULLABLE" })
  ])
}
