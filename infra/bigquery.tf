# Tables that workflows load, and the archive of callbacks.
resource "google_bigquery_dataset" "this" {
  dataset_id                 = var.dataset
  location                   = local.bigquery_location
  description                = "Tables of Baton's workflows, and its archive of callbacks."
  delete_contents_on_destroy = !var.delete_protection

  depends_on = [google_project_service.this["bigquery.googleapis.com"]]
}

locals {
  # The columns that src/adapters/bigquery/callback-table.ts gives the table, behind those of the key.
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

# The last completed callback of every key. Baton makes the table by itself with its first callback, in just this form;
# here it can be made before that, for whoever builds upon it. Its key is that of the workflows, so it has to be named.
resource "google_bigquery_table" "callbacks" {
  count = length(var.callback_key) > 0 ? 1 : 0

  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = "enrichment_callbacks"
  deletion_protection = var.delete_protection
  clustering          = slice(var.callback_key, 0, min(4, length(var.callback_key)))

  # Divided into days: a search by `created_at` reads few of them.
  time_partitioning {
    type  = "DAY"
    field = "created_at"
  }

  schema = jsonencode([
    for column in concat(local.callback_key_columns, local.callback_columns) : merge(column, { mode = "NULLABLE" })
  ])
}
