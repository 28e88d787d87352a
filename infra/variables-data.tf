# The places of data, and how long it is kept.

variable "database" {
  description = "Id of the Firestore database (BATON_DATABASE). Environments that share a project need one each."
  type        = string
  default     = "(default)"

  validation {
    condition     = can(regex("^(\\(default\\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$", var.database)) # table: form.database
    error_message = "A database is \"(default)\", or has 4 to 63 lowercase letters, digits and dashes, and begins with a letter."
  }
}

variable "bucket" {
  description = "Bucket of results, reports and dead letters, to be created (BATON_BUCKET). Empty: <project>-<prefix>."
  type        = string
  default     = ""

  validation {
    condition     = var.bucket == "" || can(regex("^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$", var.bucket)) # table: form.bucket
    error_message = "A bucket has 3 to 63 lowercase letters, digits, - and _."
  }
}

variable "inbox_bucket" {
  description = "Existing bucket for dropped files (BATON_INBOX_BUCKET). Empty: <project>-<prefix>-inbox is created."
  type        = string
  default     = ""

  validation {
    condition     = var.inbox_bucket == "" || can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.inbox_bucket)) # table: form.inbox_bucket
    error_message = "A bucket has 3 to 63 lowercase letters, digits, -, _ and dots."
  }
}

variable "dataset" {
  description = "BigQuery dataset of tables without one in their name (BATON_DATASET)."
  type        = string
  default     = "baton"

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.dataset)) && length(var.dataset) <= 1024 # table: form.dataset
    error_message = "A dataset has at most 1024 letters, digits and _; no dash."
  }
}

variable "callback_key" {
  description = "Columns of the key of the callback archive (`archive.key` of the tasks). Empty: the table is created with the first callback."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for column in var.callback_key : can(regex("^[A-Za-z_][A-Za-z0-9_]{0,299}$", column))])
    error_message = "A column has letters, digits and _, and doesn't begin with a digit. Leave out the ? of fields that may be absent."
  }

  validation {
    condition     = length(setintersection([for column in var.callback_key : lower(column)], ["status", "callback_payload", "created_at", "updated_at", "event_id", "url"])) == 0
    error_message = "The table has columns of its own: status, callback_payload, created_at, updated_at, event_id, url."
  }
}

variable "retention_days" {
  description = "How long documents of a batch are kept after their last write (BATON_RETENTION)."
  type        = number
  default     = 400

  validation {
    condition     = var.retention_days >= 100 && floor(var.retention_days) == var.retention_days # table: range.retention_days
    error_message = "At least 100 days, in whole days: messages about a batch may be that old."
  }
}
