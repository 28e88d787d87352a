# No account has a key, and none is made here: Google's services get their tokens by themselves.

# Who the function is, and in whose name Cloud Tasks publishes for it.
resource "google_service_account" "function" {
  account_id   = "${var.prefix}-function"
  display_name = "Baton (${var.prefix}): the function"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# Whom the function believes: the account that Pub/Sub shows with each push. It may call the function, and do nothing else.
resource "google_service_account" "push" {
  account_id   = "${var.prefix}-push"
  display_name = "Baton (${var.prefix}): pushes of Pub/Sub"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# Who deploys a new version of the function, in Cloud Build for instance. It grants nothing; what else it could do: iam-deployer.tf.
resource "google_service_account" "deployer" {
  account_id   = "${var.prefix}-deployer"
  display_name = "Baton (${var.prefix}): deployments"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# Who builds the function's image. It runs code of others, the install scripts of packages, so it may build and change nothing else.
resource "google_service_account" "build" {
  account_id   = "${var.prefix}-build"
  display_name = "Baton (${var.prefix}): builds"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}
