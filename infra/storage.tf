locals {
  # What a bucket has if nobody says anything, and said here, so that no default of an organisation changes it: versions bring
  # back what a task overwrote, this what somebody deleted with all its versions, or with its bucket. It is billed as storage.
  soft_delete_seconds = 604800
}

# What Baton writes: results/, reports/, dead-letters/, definitions/. Nothing that is current is ever deleted by rule:
# definitions are asked for as long as there are batches, and a result by every retry of its batch, however late.
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

  # What was overwritten or deleted can be had back for a month.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = 30
    }
  }

  # Pieces of uploads that nobody ended.
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

# Where files are dropped, unless a bucket that is there already is named.
resource "google_storage_bucket" "inbox" {
  count = var.inbox_bucket == "" ? 1 : 0

  name     = local.inbox_bucket
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.delete_protection

  # A file that is dropped again under its name, or moved to the archive, can be had back for a month.
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
