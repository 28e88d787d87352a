import * as z from "zod";
import { flag, list } from "../configuration/variables.ts";
import { NameSchema } from "../core/values/text.ts";

/** The form of a variable. `npm run infra` writes the patterns into `infra/variables*.tf`. */
export interface NameRule {
  /** In the syntax that JavaScript and Terraform (RE2) share. */
  readonly pattern: string;
  readonly message: string;
  /** The most characters, if the pattern does not limit them. */
  readonly most?: number;
  /** In Terraform, an empty text means the default. */
  readonly mayBeEmpty?: true;
}

/** By the name of the variable in Terraform. Stricter than what Baton accepts: they become names of resources. */
export const nameRules = {
  project: {
    pattern: "^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
    message: "the id of a project has 6–30 small letters, digits or `-`",
  },
  region: {
    pattern: "^[a-z]+-[a-z]+[0-9]+$",
    message: "write one region of Cloud Run, such as europe-west1; `gcloud run regions list` has them all",
  },
  prefix: {
    pattern: "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$",
    message:
      "to deploy, a prefix has 1–20 small letters, digits or `-`, begins with a letter and does not end with `-`",
  },
  function_name: {
    mayBeEmpty: true,
    pattern: "^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$",
    message: "the name of a function has 1–49 small letters, digits or `-`",
  },
  memory: { pattern: "^[1-9][0-9]{0,4}Mi$|^[1-9][0-9]?Gi$", message: "write memory like 512Mi or 1Gi" },
  firestore_location: {
    mayBeEmpty: true,
    pattern: "^[a-z]+(-[a-z]+)?[0-9]+$",
    message: "write a region such as europe-west1, or several such as eur3 or nam5",
  },
  billing_account: {
    mayBeEmpty: true,
    pattern: "^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$",
    message:
      "write the id of a billing account like 0A1B2C-3D4E5F-678901; `gcloud billing accounts list` has it",
  },
  database: {
    pattern: "^(\\(default\\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$",
    message:
      "a database is (default), or has 4–63 small letters, digits or `-`, begins with a " +
      "letter and does not end with `-`",
  },
  bucket: {
    mayBeEmpty: true,
    pattern: "^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$",
    message:
      "a bucket that Baton creates has at least 3 characters and at most 63: small letters, digits, `-` and `_`",
  },
  inbox_bucket: {
    mayBeEmpty: true,
    pattern: "^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$",
    message: "a bucket has at least 3 characters and at most 63: small letters, digits, `-`, `_` and dots",
  },
  dataset: { pattern: "^[A-Za-z0-9_]+$", most: 1_024, message: "a dataset has letters, digits and `_`" },
  bigquery_location: {
    mayBeEmpty: true,
    pattern: "^(EU|US|[a-z]+-[a-z]+[0-9]+)$",
    message: "write a region such as europe-west1, or EU or US",
  },
} as const satisfies Readonly<Record<string, NameRule>>;

const named = (name: keyof typeof nameRules) => {
  const { pattern, message, most = Number.MAX_SAFE_INTEGER }: NameRule = nameRules[name];
  return z.string().max(most).regex(new RegExp(pattern), message);
};
const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** The limit of Cloud Run for a revision; only Google can raise it. */
const mostInstances = 1_000;

/** Variables that only `baton deploy` reads, and stricter forms of variables that the function reads. */
export const DeploymentSettingsSchema = z.object({
  BATON_PROJECT: named("project").optional(),
  BATON_LOCATION: named("region").optional(),
  BATON_PREFIX: named("prefix")
    .refine((prefix) => !prefix.startsWith("goog"), {
      message: 'to deploy, a prefix can\'t begin with "goog": Pub/Sub reserves such names for Google',
    })
    .refine((prefix) => !prefix.includes("google"), {
      message: 'to deploy, a prefix can\'t have "google" in it: Cloud Storage reserves such names for Google',
    })
    .default("baton"),
  BATON_DATABASE: named("database").optional(),
  BATON_BUCKET: named("bucket").optional(),
  BATON_INBOX_BUCKET: named("inbox_bucket").optional(),
  BATON_DATASET: named("dataset").optional(),
  BATON_BIGQUERY_LOCATION: named("bigquery_location").optional(),
  /** Default: the prefix. */
  BATON_DEPLOY_FUNCTION: named("function_name").optional(),
  BATON_DEPLOY_MAX_INSTANCES: count(1, mostInstances).prefault("20"),
  BATON_DEPLOY_MIN_INSTANCES: count(0, mostInstances).prefault("0"),
  BATON_DEPLOY_CONCURRENCY: count(1, 1_000).prefault("20"),
  BATON_DEPLOY_CPU: z.enum(["1", "2", "4", "8"]).default("1"),
  BATON_DEPLOY_MEMORY: named("memory").default("1Gi"),
  BATON_DEPLOY_FIRESTORE_LOCATION: named("firestore_location").optional(),
  BATON_DEPLOY_ALERT_EMAILS: list.pipe(z.array(z.email())).prefault(""),
  /** Whether each batch that fails raises an alert. */
  BATON_DEPLOY_ALERT_FAILED_BATCHES: flag.prefault("true"),
  BATON_DEPLOY_BUDGET: z.coerce.number().min(0).prefault("0"),
  /** Where the budget is created. Default: the project's account, if it can be seen. */
  BATON_DEPLOY_BILLING_ACCOUNT: named("billing_account").optional(),
  BATON_DEPLOY_DELETE_PROTECTION: flag.prefault("true"),
  /** Queues in addition to those that tasks name: of applied workflows, and of batches that still run. */
  BATON_DEPLOY_QUEUES: list.pipe(z.array(NameSchema)).prefault(""),
  /** Needs of applied workflows, which a deployment does not see. */
  BATON_DEPLOY_FILE_TRIGGERS: flag.prefault("false"),
  BATON_DEPLOY_SCHEDULES: flag.prefault("false"),
  BATON_DEPLOY_DATAFORM: flag.prefault("false"),
  /** Whether a console of its own is deployed, behind Identity-Aware Proxy. */
  BATON_DEPLOY_CONSOLE: flag.prefault("false"),
  /** The people who may change something with it. */
  BATON_CONSOLE_OPERATORS: list.pipe(z.array(z.email())).prefault(""),
  /** The one to use if both are installed. */
  BATON_DEPLOY_TERRAFORM: z.enum(["terraform", "tofu"]).optional(),
});
export type DeploymentSettings = z.infer<typeof DeploymentSettingsSchema>;

/** With this flag gcloud sets who may call the function. */
export const privateFlag = "--no-allow-unauthenticated";

/** How the console runs, and why: flags of `gcloud run deploy` with their values. */
export const consoleSettings: readonly { readonly flag: string; readonly why: string }[] = [
  { flag: privateFlag, why: "only Identity-Aware Proxy may call it" },
  { flag: "--iap", why: "people sign in with their account before a request reaches it" },
  { flag: "--ingress=all", why: "people reach it, over the proxy alone" },
  { flag: "--execution-environment=gen2", why: "the environment of the function" },
  { flag: "--concurrency=80", why: "a page is made in milliseconds" },
  { flag: "--cpu=1", why: "more than one request at once needs at least one whole CPU" },
  { flag: "--memory=512Mi", why: "Node and Google's clients take about 200 MiB" },
  { flag: "--timeout=60s", why: "it runs no tasks" },
  { flag: "--min-instances=0", why: "no cost while no page is open" },
  { flag: "--max-instances=2", why: "limits the cost" },
  { flag: "--cpu-throttling", why: "CPU is paid for only while a page is made" },
  { flag: "--cpu-boost", why: "loading Google's clients is most of a cold start" },
];

/** How the function runs, and why: flags of `gcloud run deploy` with their values. */
export function functionSettings(
  settings: DeploymentSettings,
  timeoutSeconds: number,
): readonly { readonly flag: string; readonly why: string }[] {
  const least = settings.BATON_DEPLOY_MIN_INSTANCES;
  const reasons = {
    [privateFlag]: "only the account of pushes may call it",
    "--ingress=internal": "Pub/Sub of the same project reaches it, the internet does not",
    "--execution-environment=gen2": "a full Linux for tasks, with the faster disk and network",
    [`--concurrency=${settings.BATON_DEPLOY_CONCURRENCY}`]:
      "tasks mostly wait for services; more would delay heartbeats",
    [`--cpu=${settings.BATON_DEPLOY_CPU}`]: "more than one request at once needs at least one whole CPU",
    [`--memory=${settings.BATON_DEPLOY_MEMORY}`]:
      "Node and Google's clients take about 200 MiB, the tasks the rest",
    [`--timeout=${timeoutSeconds}s`]:
      "shorter than the ack deadline (600 s): an attempt ends before its redelivery",
    [`--min-instances=${least}`]:
      least === 0 ? "no cost while nothing happens" : "no cold start, but a cost while idle",
    [`--max-instances=${settings.BATON_DEPLOY_MAX_INSTANCES}`]:
      "with the concurrency, limits cost and load on others",
    "--cpu-throttling": "CPU is paid for only while a message is handled",
    "--cpu-boost": "loading Google's clients is most of a cold start",
  };
  return Object.entries(reasons).map(([flag, why]) => ({ flag, why }));
}
