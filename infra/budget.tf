locals {
  # Empty if cloudbilling.googleapis.com was not enabled before, or the caller may not see it.
  billing_account = var.billing_account == "" ? data.google_project.this.billing_account : var.billing_account
}

# Reports the costs of the project by mail; it stops nothing. Needs a right on the billing account (roles/billing.costsManager).
resource "google_billing_budget" "this" {
  count = var.budget_amount > 0 ? 1 : 0

  billing_account = local.billing_account
  display_name    = "Baton (${var.prefix})"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  # In the currency of the billing account, the only one allowed.
  amount {
    specified_amount {
      units = tostring(floor(var.budget_amount))
      nanos = floor((var.budget_amount - floor(var.budget_amount)) * 1000000000)
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }

  threshold_rules {
    threshold_percent = 1
  }

  # An early warning: the forecast of the month exceeds the budget.
  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  # A budget notifies five channels at most; the managers of the billing account are always notified.
  dynamic "all_updates_rule" {
    for_each = length(var.alert_emails) > 0 ? [true] : []

    content {
      monitoring_notification_channels = slice(local.channels, 0, min(5, length(local.channels)))
    }
  }

  lifecycle {
    precondition {
      condition     = try(length(local.billing_account) > 0, false)
      error_message = "The billing account of ${var.project} can't be seen. Name it by billing_account (BATON_DEPLOY_BILLING_ACCOUNT): `gcloud billing accounts list` has its id. Or leave the budget out."
    }
  }

  depends_on = [google_project_service.this["billingbudgets.googleapis.com"], google_project_service.this["cloudbilling.googleapis.com"]]
}
