# Settings of the function. gcloud deploys it, from the outputs `function_settings` and `function_environment`.
# Function timeout < ack deadline <= 600 s < lease: a redelivery must never meet a live worker.

variable "function_name" {
  description = "Name of the Cloud Run function. Empty: the prefix."
  type        = string
  default     = ""

  validation {
    condition     = var.function_name == "" || can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", var.function_name)) # table: form.function_name
    error_message = "A function has at most 49 lowercase letters, digits and dashes, begins with a letter and doesn't end with a dash."
  }
}

variable "function_timeout_seconds" {
  description = "When a request ends (BATON_FUNCTION_TIMEOUT). Shorter than the ack deadline."
  type        = number
  default     = 540

  validation {
    condition     = var.function_timeout_seconds >= 60 && var.function_timeout_seconds < 600 # table: range.function_timeout_seconds
    error_message = "Between 60 and 599 seconds: an attempt ends 30 seconds before, and Pub/Sub waits 600 seconds at most."
  }
}

variable "ack_deadline_seconds" {
  description = "How long Pub/Sub waits for the answer to a push. Longer than the function's timeout."
  type        = number
  default     = 600 # table: push.ackDeadlineSeconds

  validation {
    condition     = var.ack_deadline_seconds >= 10 && var.ack_deadline_seconds <= 600
    error_message = "Pub/Sub waits between 10 and 600 seconds."
  }
}

variable "lease_seconds" {
  description = "Lease of a claim without a heartbeat (BATON_LEASE). Longer than the ack deadline."
  type        = number
  default     = 660

  validation {
    condition     = var.lease_seconds > 60 && var.lease_seconds <= 3600 # table: range.lease_seconds
    error_message = "Between 61 and 3600 seconds, and longer than the ack deadline."
  }
}

variable "completions" {
  description = "How the ending of a task reaches its children (BATON_COMPLETIONS): published, as a message of its own, or inline, in the delivery that ended the task."
  type        = string
  default     = "published"

  validation {
    condition     = contains(["published", "inline"], var.completions)
    error_message = "Write published or inline."
  }
}

variable "min_instances" {
  description = "Minimum number of instances, billed all month. 0: no instance runs without messages."
  type        = number
  default     = 0

  validation {
    condition     = var.min_instances >= 0 && floor(var.min_instances) == var.min_instances
    error_message = "A whole number, 0 or more."
  }
}

variable "max_instances" {
  description = "Maximum number of instances: limits the costs, and the tasks that run at once."
  type        = number
  default     = 20

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "A whole number between 1 and 1000."
  }
}

variable "concurrency" {
  description = "Messages that one instance handles at once."
  type        = number
  default     = 20

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "A whole number between 1 and 1000."
  }
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4", "8"], var.cpu)
    error_message = "1, 2, 4 or 8: with less than one CPU, Cloud Run gives an instance one message at a time."
  }
}

variable "memory" {
  description = "Memory of an instance, such as 1Gi."
  type        = string
  default     = "1Gi"

  validation {
    condition     = can(regex("^[1-9][0-9]{0,4}Mi$|^[1-9][0-9]?Gi$", var.memory)) # table: form.memory
    error_message = "Write a whole number with Mi or Gi, such as 512Mi or 1Gi."
  }
}
