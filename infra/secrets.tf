locals {
  callback_secret = "${var.prefix}-callback-secret"
  power_bi_secret = "${var.prefix}-powerbi-client-secret"
  secrets         = toset(concat([local.callback_secret], var.power_bi ? [local.power_bi_secret] : []))
}

# Secrets without values. gcloud adds the values, so that the state of Terraform holds none: `baton deploy` generates the
# callback secret if there is none.
resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.delete_protection

  # Only in the region, like all other data.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this["secretmanager.googleapis.com"]]
}
