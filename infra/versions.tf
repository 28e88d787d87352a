terraform {
  # 1.7: the latest version that OpenTofu and Terraform share. Conditions on several variables are preconditions,
  # since `validation` may use other variables only from 1.9 on.
  required_version = ">= 1.7.0, < 2.0.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50.0, < 8.0.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
  # Calls count against the project itself, not against the project of the caller's credentials: budgets and a few other
  # services require it.
  billing_project       = var.project
  user_project_override = true

  # Labels to filter the bill and lists of resources.
  default_labels = {
    app        = "baton"
    deployment = var.prefix
  }
}
