import * as z from "zod";
import { flag, list } from "../../composition/variable-problems.ts";
import { NameSchema } from "../../core/names.ts";
import { cloudRunRegions } from "./regions.ts";

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** Cloud Run gives a revision no more, unless Google is asked. */
const mostInstances = 1_000;

/** Narrower than what Baton runs with: names of buckets, accounts and the function are made of them. */
const place = {
  BATON_PROJECT: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, "the id of a project has 6–30 small letters, digits or `-`")
    .optional(),
  BATON_LOCATION: z
    .string()
    .refine((region) => cloudRunRegions.includes(region), {
      error: ({ input }) =>
        `"${input}" is no region of Cloud Run; write one such as ${nearest(String(input))}`,
    })
    .optional(),
  BATON_PREFIX: z
    .string()
    .regex(/^(?!goog)/, 'to deploy, a prefix can\'t begin with "goog": Pub/Sub keeps such names for Google')
    .regex(
      /^(?!.*google)/,
      'to deploy, a prefix can\'t have "google" in it: Cloud Storage keeps such names for Google',
    )
    .regex(
      /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/,
      "to deploy, a prefix has 1–20 small letters, digits or `-`, begins with a letter and does not end with `-`",
    )
    .default("baton"),
};

/** What is decided about a deployment by itself: nothing that runs reads these variables. */
const own = {
  /** Name of the function; the prefix, unless it is named. */
  BATON_DEPLOY_FUNCTION: z
    .string()
    .regex(
      /^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$/,
      "the name of a function has 1–49 small letters, digits or `-`",
    )
    .optional(),
  BATON_DEPLOY_MAX_INSTANCES: count(1, mostInstances).prefault("20"),
  BATON_DEPLOY_MIN_INSTANCES: count(0, mostInstances).prefault("0"),
  BATON_DEPLOY_CONCURRENCY: count(1, 1_000).prefault("20"),
  BATON_DEPLOY_CPU: z.enum(["1", "2", "4", "8"]).default("1"),
  BATON_DEPLOY_MEMORY: z
    .string()
    .regex(/^[1-9]\d{0,4}Mi$|^[1-9]\d?Gi$/, "write memory like 512Mi or 1Gi")
    .default("1Gi"),
  BATON_DEPLOY_FIRESTORE_LOCATION: z
    .string()
    .regex(/^[a-z]+(?:-[a-z]+)?\d+$/, "write a region such as europe-west1, or several such as eur3 or nam5")
    .optional(),
  BATON_DEPLOY_ALERT_EMAILS: list.pipe(z.array(z.email())).prefault(""),
  /** Whether somebody is told of each batch that fails; where these are usual, nobody should be. */
  BATON_DEPLOY_ALERT_FAILED_BATCHES: flag.prefault("true"),
  BATON_DEPLOY_BUDGET: z.coerce.number().min(0).prefault("0"),
  /** Where the budget is made; that of the project, where it can be seen. */
  BATON_DEPLOY_BILLING_ACCOUNT: z
    .string()
    .regex(
      /^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$/,
      "write the id of a billing account like 0A1B2C-3D4E5F-678901; `gcloud billing accounts list` has it",
    )
    .optional(),
  BATON_DEPLOY_DELETE_PROTECTION: flag.prefault("true"),
  /** Queues beside those that tasks name: of workflows that were applied, and of batches that still run. */
  BATON_DEPLOY_QUEUES: list.pipe(z.array(NameSchema)).prefault(""),
  /** Workflows that were applied are started by files, have schedules, or run Dataform: deploying does not see them. */
  BATON_DEPLOY_FILE_TRIGGERS: flag.prefault("false"),
  BATON_DEPLOY_SCHEDULES: flag.prefault("false"),
  BATON_DEPLOY_DATAFORM: flag.prefault("false"),
  /** Which of the two does it, where both are installed. */
  BATON_DEPLOY_TERRAFORM: z.enum(["terraform", "tofu"]).optional(),
};

/** What is made has these names; test/infra/refusals.test.ts compares them with what Terraform refuses. */
const names = {
  BATON_DATABASE: z
    .string()
    .regex(
      /^(?:\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$/,
      "a database is (default), or has 4–63 small letters, digits or `-`, begins with a letter and does not end with `-`",
    )
    .optional(),
  BATON_BUCKET: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$/,
      "a bucket that is made has at least 3 characters and at most 63: small letters, digits, `-` and `_`",
    )
    .optional(),
  BATON_INBOX_BUCKET: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/,
      "a bucket has at least 3 characters and at most 63: small letters, digits, `-`, `_` and dots",
    )
    .optional(),
  BATON_DATASET: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,1024}$/, "a dataset has letters, digits and `_`")
    .optional(),
  BATON_BIGQUERY_LOCATION: z
    .string()
    .regex(/^(?:EU|US|[a-z]+-[a-z]+\d+)$/, "write a region such as europe-west1, or EU or US")
    .optional(),
};

export const DeploymentSettingsSchema = z.object({ ...place, ...names, ...own });
export type DeploymentSettings = z.infer<typeof DeploymentSettingsSchema>;

/** Those that begin as what was written does, or any. */
function nearest(written: string): string {
  const alike = cloudRunRegions.filter((region) => region.slice(0, 4) === written.slice(0, 4).toLowerCase());
  return (alike.length > 0 ? alike : ["europe-west1", "us-central1"]).slice(0, 12).join(", ");
}
