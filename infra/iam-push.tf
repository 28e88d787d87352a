# Pub/Sub signs tokens that say who the push account is, in the name of no other, and can't act as it (no access tokens).
# https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
resource "google_service_account_iam_member" "push_token" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent

  # The agent is there once there is a topic.
  depends_on = [google_pubsub_topic.dead_letters]
}

# That the push account, and nobody else, may call the function (roles/run.invoker) is granted by `baton deploy` with
# gcloud: the function is not there yet when this is applied for the first time, and a grant on the whole project would
# let it call every other service as well.
