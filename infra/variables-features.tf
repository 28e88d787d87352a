# What the workflows make use of. What is not used is not granted.

variable "has_schedules" {
  description = "Workflows have schedules: tell when one did not run."
  type        = bool
  default     = false
}

variable "alert_failed_batches" {
  description = "Tell when a batch ends ERROR."
  type        = bool
  default     = true
}

variable "file_triggers" {
  description = "Workflows wait for files: the inbox announces each of them."
  type        = bool
  default     = false
}

variable "tracing" {
  description = "Send traces to Cloud Trace (BATON_TRACES=otlp)."
  type        = bool
  default     = false
}

variable "power_bi" {
  description = "Tasks refresh Power BI: its client secret has a place in Secret Manager."
  type        = bool
  default     = false
}

variable "dataform" {
  description = "Tasks run Dataform."
  type        = bool
  default     = false
}

variable "dataform_accounts" {
  description = "Service accounts that Dataform's actions run as: projects/<project>/serviceAccounts/<e-mail address>."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.dataform_accounts : can(regex("^projects/[^/]+/serviceAccounts/[^/@]+@[^/@]+$", account))])
    error_message = "Write an account as projects/<project>/serviceAccounts/<e-mail address>."
  }
}
