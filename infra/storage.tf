locals {
  # The default of a bucket, set explicitly so that no default of an organisation changes it. Versions restore objects that a
  # task overwrote; soft delete restores objects deleted with all their versions, or with their bucket. It is billed as storage.
  soft_delete_seconds = 604800
}

# Baton's own objects: results/, reports/, dead-letters/, definitions/. No rule deletes a current object: definitions are
# needed as long as there are batches, and a result for every retry of its batch, however late.
resource "google_storage_bucket" "this" {
  name     = local.bucket
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.delete_protection

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = local.soft_delete_seconds
  }

  # Overwritten and deleted objects can be restored for a month.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = 30
    }
  }

  # Parts of abandoned uploads.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.this["storage.googleapis.com"]]
}

# The inbox for dropped files, unless an existing bucket is named.
resource "google_storage_bucket" "inbox" {
  count = var.inbox_bucket == "" ? 1 : 0

  name     = local.inbox_bucket
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.delete_protection

  # A file that is dropped again under its name, or moved to the archive, can be restored for a month.
  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = local.soft_delete_seconds
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = 30
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  depends_on = [google_project_service.this["storage.googleapis.com"]]
}
