terraform {
  # 1.7: what OpenTofu and Terraform have in common. Conditions that look at several variables are preconditions,
  # since `validation` may look at others than its own only from 1.9 on.
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
  # Calls count against the project itself, not against where the caller's credentials come from: budgets and a few
  # other services answer no one else.
  billing_project       = var.project
  user_project_override = true

  # What the bill and lists of resources are looked through by.
  default_labels = {
    app        = "baton"
    deployment = var.prefix
  }
}
