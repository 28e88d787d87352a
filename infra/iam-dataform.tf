# To compile and run Dataform repositories, if tasks do. On the project, since the repositories are not created here,
# and the provider grants on a single one only from 7.44 on.
resource "google_project_iam_member" "function_dataform" {
  count = var.dataform ? 1 : 0

  project = var.project
  role    = "roles/dataform.editor" # table: role.dataform.0
  member  = google_service_account.function.member
}

# To let Dataform run actions as the accounts that tasks or BATON_DATAFORM_ACCOUNTS name. It refuses every
# invocation of a caller that may not act as them: https://cloud.google.com/dataform/docs/strict-act-as-mode
resource "google_service_account_iam_member" "function_as_dataform" {
  for_each = toset(var.dataform_accounts)

  service_account_id = each.key
  role               = "roles/iam.serviceAccountUser" # table: role.dataformAccount.0
  member             = google_service_account.function.member
}
