# Images of the function. A rollback goes to a revision, which needs its image.
resource "google_artifact_registry_repository" "this" {
  repository_id = var.prefix
  location      = var.region
  format        = "DOCKER"
  description   = "Images of Baton's function."

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [google_project_service.this["artifactregistry.googleapis.com"]]
}
