locals {
  callback_secret = "${var.prefix}-callback-secret"
  power_bi_secret = "${var.prefix}-powerbi-client-secret"
  secrets         = toset(concat([local.callback_secret], var.power_bi ? [local.power_bi_secret] : []))
}

# Places for secrets. The secrets themselves are put there by gcloud, so that none is in the state of Terraform:
# `baton deploy` makes the callback secret if there is none.
resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.delete_protection

  # In the region alone, like all other data.
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.this["secretmanager.googleapis.com"]]
}
