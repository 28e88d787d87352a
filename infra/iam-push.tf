# Pub/Sub signs identity tokens of the push account, and of no other. It can't act as that account (no access tokens).
# https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
resource "google_service_account_iam_member" "push_token" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent

  # The agent exists once there is a topic.
  depends_on = [google_pubsub_topic.dead_letters]
}

# `baton deploy` grants the right to call the function (roles/run.invoker) to the push account alone, with gcloud. The
# function does not exist yet when this is applied for the first time, and a grant on the whole project would let the
# account call every other service as well.
