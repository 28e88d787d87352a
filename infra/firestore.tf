locals {
  # One source: `toIndexFile()` of src/adapters/firestore/encoding.ts writes it, and a test compares both.
  firestore_fields  = jsondecode(file("${path.module}/firestore.indexes.json")).fieldOverrides
  firestore_indexes = jsondecode(file("${path.module}/firestore.indexes.json")).indexes
}

# Batches, TaskLogs, keys, steps and callbacks. Standard edition: the guarantees that Baton's writes and counts need were
# verified for it.
resource "google_firestore_database" "this" {
  name             = var.database
  location_id      = local.firestore_location
  type             = "FIRESTORE_NATIVE"
  database_edition = "STANDARD"

  # Any minute of the last seven days can be read again, and restored.
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"

  # Firestore itself refuses to delete a protected database, for every caller.
  delete_protection_state = var.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy         = "DELETE"

  depends_on = [google_project_service.this["firestore.googleapis.com"]]
}

# Only queried fields are indexed. By default every field is, including times, and an indexed time limits a collection to
# 500 writes a second. `expireAt` has the TTL policy that deletes old documents.
resource "google_firestore_field" "override" {
  for_each = { for field in local.firestore_fields : "${field.collectionGroup}/${field.fieldPath}" => field }

  database   = google_firestore_database.this.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  # An empty block removes the automatic indexes.
  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes

      content {
        query_scope  = indexes.value.queryScope
        order        = try(indexes.value.order, null)
        array_config = try(indexes.value.arrayConfig, null)
      }
    }
  }

  dynamic "ttl_config" {
    for_each = each.value.ttl ? [true] : []

    content {}
  }
}

# Lists of batches by time. Each index begins with the workflow or with a shard, so that no single end of an index takes
# all writes.
resource "google_firestore_index" "list" {
  for_each = {
    for index in local.firestore_indexes :
    join("/", concat([index.collectionGroup], index.fields[*].fieldPath)) => index
  }

  database    = google_firestore_database.this.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path   = fields.value.fieldPath
      order        = try(fields.value.order, null)
      array_config = try(fields.value.arrayConfig, null)
    }
  }
}
