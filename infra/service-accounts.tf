# No account has a key: Google's services get their tokens by themselves.

# The account of the function. Cloud Tasks publishes as this account.
resource "google_service_account" "function" {
  account_id   = "${var.prefix}-function"
  display_name = "Baton (${var.prefix}): the function"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# The caller that the function trusts: the account of Pub/Sub's pushes. It may call the function, and do nothing else.
resource "google_service_account" "push" {
  account_id   = "${var.prefix}-push"
  display_name = "Baton (${var.prefix}): pushes of Pub/Sub"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# The account that deploys new versions of the function, in Cloud Build for instance. It can't grant roles; its other
# rights are in iam-deployer.tf.
resource "google_service_account" "deployer" {
  account_id   = "${var.prefix}-deployer"
  display_name = "Baton (${var.prefix}): deployments"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}

# The account that builds the function's image. It runs third-party code, the install scripts of packages, so it may only
# build.
resource "google_service_account" "build" {
  account_id   = "${var.prefix}-build"
  display_name = "Baton (${var.prefix}): builds"

  depends_on = [google_project_service.this["iam.googleapis.com"]]
}
