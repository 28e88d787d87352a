# The features that the workflows use. Unused features get no grants.

variable "has_schedules" {
  description = "Workflows have schedules: alert when one did not run."
  type        = bool
  default     = false
}

variable "alert_failed_batches" {
  description = "Alert when a batch ends ERROR."
  type        = bool
  default     = true
}

variable "file_triggers" {
  description = "Workflows have file triggers: the inbox announces each file."
  type        = bool
  default     = false
}

variable "tracing" {
  description = "Send traces to Cloud Trace (BATON_TRACES=otlp)."
  type        = bool
  default     = false
}

variable "power_bi" {
  description = "Tasks refresh Power BI: create a secret for its client secret."
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

variable "console" {
  description = "A console of its own, behind Identity-Aware Proxy (BATON_DEPLOY_CONSOLE)."
  type        = bool
  default     = false
}

variable "console_acts" {
  description = "People may change something with the console (BATON_CONSOLE_OPERATORS is not empty). Only with console."
  type        = bool
  default     = false
}
