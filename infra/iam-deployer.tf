# What the accounts that build and deploy may do. None of them may say who may do what: `terraform apply` is for people, or
# for an account that is not made here.

# To deploy the function from source: what Google asks for. Its role is wider than that, and holds for the whole project: with it
# one could also make, change and delete topics and subscriptions and read their messages, call and delete every service of
# Cloud Run, read all objects and add some, and make repositories. docs/deploy.md says what to do where that is too much.
# https://cloud.google.com/run/docs/deploying-source-code#permissions_required_to_deploy
resource "google_project_iam_member" "deployer" {
  for_each = toset([
    "roles/run.sourceDeveloper",
    "roles/serviceusage.serviceUsageConsumer",
    # What a build with an account of its own has to say goes to the log by that account.
    "roles/logging.logWriter",
  ])

  project = var.project
  role    = each.key
  member  = google_service_account.deployer.member
}

# The smoke test starts a batch, as `baton run` does, and follows it, in this database and no other.
resource "google_project_iam_member" "deployer_firestore" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.deployer.member

  condition {
    title      = local.this_database.title
    expression = local.this_database.expression
  }

  lifecycle {
    create_before_destroy = true
  }
}

# To deploy a function that runs as the one account, from a build that runs as the other.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = {
    function = google_service_account.function.name
    build    = google_service_account.build.name
  }

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

# The smoke test publishes the first messages of its batch …
resource "google_pubsub_topic_iam_member" "deployer_publisher" {
  for_each = local.topics

  topic  = google_pubsub_topic.this[each.key].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.deployer.member
}

# … also into queues that have limits of their own, …
resource "google_cloud_tasks_queue_iam_member" "deployer_limited_enqueuer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.deployer.member
}

# … where it looks whether one whose name is taken still waits, …
resource "google_cloud_tasks_queue_iam_member" "deployer_limited_viewer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.viewer"
  member   = google_service_account.deployer.member
}

# … and whose tasks call the function in the name of the push account, …
resource "google_service_account_iam_member" "deployer_as_push" {
  count = length(var.queue_limits) > 0 ? 1 : 0

  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

# … stores its definition, and reads its results.
resource "google_storage_bucket_iam_member" "deployer_objects" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = google_service_account.deployer.member
}

# To deploy an image that was built before, as a rollback does.
resource "google_artifact_registry_repository_iam_member" "deployer_images" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.deployer.member
}

# To read the source, build the image, store it, and log: what Google asks for, and no narrower role has it all. It holds
# `storage.objects.get`, on all objects of the project: where builds must not see data, build in a project of their own.
# https://cloud.google.com/run/docs/configuring/services/build-service-account
resource "google_project_iam_member" "build" {
  project = var.project
  role    = "roles/run.builder"
  member  = google_service_account.build.member
}
