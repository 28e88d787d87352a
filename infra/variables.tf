# The target of the deployment. The tests compare the defaults with those of src/configuration/environment.ts.

variable "project" {
  description = "Id of the project of all resources (BATON_PROJECT)."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project)) # table: form.project
    error_message = "A project id has 6 to 30 lowercase letters, digits and dashes, and begins with a letter. It is not the project's name or number."
  }
}

variable "region" {
  description = "Region of the function, of Cloud Tasks and of Cloud Scheduler, such as europe-west1 (BATON_LOCATION)."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region)) # table: form.region
    error_message = "Name one region, such as europe-west1; a zone (europe-west1-b) or several regions (eur3) won't do."
  }
}

variable "prefix" {
  description = "First part of all names (BATON_PREFIX). Environments that share a project differ in it."
  type        = string
  default     = "baton"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", var.prefix)) # table: form.prefix
    error_message = "A prefix has at most 20 lowercase letters, digits and dashes, begins with a letter and doesn't end with a dash: names of service accounts leave no more room."
  }

  validation {
    condition     = !startswith(var.prefix, "goog") && !strcontains(var.prefix, "google")
    error_message = "A prefix doesn't begin with \"goog\", nor has it \"google\" in it: Google keeps such names of buckets and topics for itself."
  }
}

variable "queues" {
  description = "Queues that tasks of the workflows name; each gets a topic and a push subscription."
  type        = list(string)
  default     = ["default"]

  validation {
    condition     = alltrue([for queue in var.queues : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", queue))])
    error_message = "The name of a queue has 1 to 64 letters, digits, - or _, and begins with a letter or digit."
  }

  validation {
    condition     = contains(var.queues, "default")
    error_message = "The queue \"default\" is always there: tasks that name none are in it."
  }
}

variable "queue_limits" {
  description = "Queues with limits (BATON_QUEUES): how many of their tasks run at once, and the rate at which they start, such as 2/s, 30/m or 100/h."
  type        = map(object({ concurrency = number, rate = optional(string) }))
  default     = {}

  validation {
    condition     = alltrue([for queue in keys(var.queue_limits) : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,63}$", queue))])
    error_message = "The name of a queue with limits has 1 to 64 letters, digits or -, and begins with a letter or digit: Cloud Tasks allows no _."
  }

  validation {
    condition     = alltrue([for limit in values(var.queue_limits) : limit.concurrency >= 1 && limit.concurrency <= 5000 && floor(limit.concurrency) == limit.concurrency])
    error_message = "Cloud Tasks runs 1 to 5000 tasks of a queue at once."
  }

  validation {
    condition     = alltrue([for limit in values(var.queue_limits) : limit.rate == null || can(regex("^[1-9][0-9]{0,6}/[smh]$", limit.rate))])
    error_message = "A rate is a whole number of tasks in a second, a minute or an hour: 2/s, 30/m, 100/h."
  }
}

variable "firestore_location" {
  description = "Location of the database: a region, or several such as eur3. Empty: the region of the function. Can't be changed later."
  type        = string
  default     = ""

  validation {
    condition     = var.firestore_location == "" || can(regex("^[a-z]+(-[a-z]+)?[0-9]+$", var.firestore_location)) # table: form.firestore_location
    error_message = "Name a region such as europe-west1, or several such as eur3 or nam5."
  }
}

variable "bigquery_location" {
  description = "Location of the dataset and of jobs: a region, EU or US (BATON_BIGQUERY_LOCATION). Empty: the region of the function."
  type        = string
  default     = ""

  validation {
    condition     = var.bigquery_location == "" || can(regex("^(EU|US|[a-z]+-[a-z]+[0-9]+)$", var.bigquery_location)) # table: form.bigquery_location
    error_message = "Name a region such as europe-west1, or EU or US."
  }
}

variable "alert_emails" {
  description = "E-mail addresses that receive alerts. Empty: alerts are visible only in the console."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "Each is one mail address, such as team@example.com."
  }
}

variable "budget_amount" {
  description = "Monthly cost of the project, in the currency of its billing account, above which a mail is sent. 0: no budget."
  type        = number
  default     = 0

  validation {
    condition     = var.budget_amount >= 0
    error_message = "A budget is an amount above 0, or 0 for none."
  }
}

variable "billing_account" {
  description = "Id of the billing account of the budget. Empty: that of the project, if it is visible."
  type        = string
  default     = ""

  validation {
    condition     = var.billing_account == "" || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account)) # table: form.billing_account
    error_message = "A billing account is three times six digits and letters A to F, such as 0A1B2C-3D4E5F-678901."
  }
}

variable "delete_protection" {
  description = "Protects the database, the tables, the secrets and filled buckets from deletion. Set it to false and apply before you remove the deployment."
  type        = bool
  default     = true
}
