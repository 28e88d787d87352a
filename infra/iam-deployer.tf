# The rights of the accounts that build and deploy. None of them may grant roles: `terraform apply` is for people, or
# for an account that is not created here.

# To deploy the function from source: Google requires this role. It is wider than that, and holds for the whole project:
# with it one could also create, change and delete topics and subscriptions and read their messages, call and delete every
# Cloud Run service, read all objects and add some, and create repositories. docs/deploy.md says what to do if that is too
# much.
# https://cloud.google.com/run/docs/deploying-source-code#permissions_required_to_deploy
resource "google_project_iam_member" "deployer" {
  for_each = toset([
    "roles/run.sourceDeveloper",
    "roles/serviceusage.serviceUsageConsumer",
    # A build with its own account writes its log as that account.
    "roles/logging.logWriter",
  ])

  project = var.project
  role    = each.key
  member  = google_service_account.deployer.member
}

# The smoke test starts a batch, as `baton run` does, and follows it, in this database and no other.
resource "google_project_iam_member" "deployer_firestore" {
  project = var.project
  role    = "roles/datastore.user" # table: role.firestore.0
  member  = google_service_account.deployer.member

  condition {
    title      = local.this_database.title
    expression = local.this_database.expression
  }

  lifecycle {
    create_before_destroy = true
  }
}

# To deploy a function that runs as one account, from a build that runs as the other.
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
  role   = "roles/pubsub.publisher" # table: role.pubSub.0
  member = google_service_account.deployer.member
}

# … also into queues with limits, …
resource "google_cloud_tasks_queue_iam_member" "deployer_limited_enqueuer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.enqueuer" # table: role.limitedQueues.0
  member   = google_service_account.deployer.member
}

# … where it checks whether a task whose name is taken still waits, …
resource "google_cloud_tasks_queue_iam_member" "deployer_limited_viewer" {
  for_each = var.queue_limits

  location = var.region
  name     = google_cloud_tasks_queue.limited[each.key].name
  role     = "roles/cloudtasks.viewer" # table: role.limitedQueues.1
  member   = google_service_account.deployer.member
}

# … and whose tasks call the function as the push account, …
resource "google_service_account_iam_member" "deployer_as_push" {
  count = length(var.queue_limits) > 0 ? 1 : 0

  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountUser" # table: role.pushAccount.0
  member             = google_service_account.deployer.member
}

# … stores its definition, and reads its results.
resource "google_storage_bucket_iam_member" "deployer_objects" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser" # table: role.storage.0
  member = google_service_account.deployer.member
}

# To deploy an earlier image, as a rollback does.
resource "google_artifact_registry_repository_iam_member" "deployer_images" {
  location   = google_artifact_registry_repository.this.location
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.deployer.member
}

# To read the source, build the image, store it, and log: Google requires this role, and no narrower role covers it all. It
# includes `storage.objects.get` on all objects of the project: if builds must not see data, build in a separate project.
# https://cloud.google.com/run/docs/configuring/services/build-service-account
resource "google_project_iam_member" "build" {
  project = var.project
  role    = "roles/run.builder"
  member  = google_service_account.build.member
}
