import * as z from "zod";
import { flag, list } from "../configuration/variables.ts";
import { NameSchema } from "../core/values/text.ts";

/** The form of a variable. `npm run infra` writes the patterns into `infra/variables*.tf`. */
export interface NameRule {
  /** In the syntax that JavaScript and Terraform (RE2) share. */
  readonly pattern: string;
  readonly message: string;
  /** Most characters, where the pattern does not say. */
  readonly most?: number;
  /** Terraform takes an empty text for the usual name. */
  readonly mayBeEmpty?: true;
}

/** By the name of the variable in Terraform. Narrower than what Baton runs with: names of resources are made of them. */
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
      "a database is (default), or has 4–63 small letters, digits or `-`, begins with a letter and does not end with `-`",
  },
  bucket: {
    mayBeEmpty: true,
    pattern: "^[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]$",
    message:
      "a bucket that is made has at least 3 characters and at most 63: small letters, digits, `-` and `_`",
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

/** Cloud Run gives a revision no more, unless Google is asked. */
const mostInstances = 1_000;

/** Variables that only `baton deploy` reads, and narrower forms of variables that the function reads. */
export const DeploymentSettingsSchema = z.object({
  BATON_PROJECT: named("project").optional(),
  BATON_LOCATION: named("region").optional(),
  BATON_PREFIX: named("prefix")
    .refine((prefix) => !prefix.startsWith("goog"), {
      message: 'to deploy, a prefix can\'t begin with "goog": Pub/Sub keeps such names for Google',
    })
    .refine((prefix) => !prefix.includes("google"), {
      message: 'to deploy, a prefix can\'t have "google" in it: Cloud Storage keeps such names for Google',
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
  /** Where the budget is made. Default: on that of the project, where it can be seen. */
  BATON_DEPLOY_BILLING_ACCOUNT: named("billing_account").optional(),
  BATON_DEPLOY_DELETE_PROTECTION: flag.prefault("true"),
  /** Queues beside those that tasks name: of applied workflows, and of batches that still run. */
  BATON_DEPLOY_QUEUES: list.pipe(z.array(NameSchema)).prefault(""),
  /** What applied workflows need: deploying does not see them. */
  BATON_DEPLOY_FILE_TRIGGERS: flag.prefault("false"),
  BATON_DEPLOY_SCHEDULES: flag.prefault("false"),
  BATON_DEPLOY_DATAFORM: flag.prefault("false"),
  /** Which one to use where both are installed. */
  BATON_DEPLOY_TERRAFORM: z.enum(["terraform", "tofu"]).optional(),
});
export type DeploymentSettings = z.infer<typeof DeploymentSettingsSchema>;

export interface FunctionSetting {
  /** Flag of `gcloud run deploy`, with its value. */
  readonly flag: string;
  readonly why: string;
}

/** With this flag gcloud sets who may call the function. */
export const privateFlag = "--no-allow-unauthenticated";

/** How the function runs, and why. */
export function functionSettings(
  settings: DeploymentSettings,
  timeoutSeconds: number,
): readonly FunctionSetting[] {
  const least = settings.BATON_DEPLOY_MIN_INSTANCES;
  const flags: readonly (readonly [flag: string, why: string])[] = [
    [privateFlag, "only the account that pushes may call it"],
    ["--ingress=internal", "Pub/Sub of the same project reaches it, the internet does not"],
    [
      "--execution-environment=gen2",
      "a full Linux for what tasks bring along, and the faster disk and network; nothing waits for a cold start",
    ],
    [
      `--concurrency=${settings.BATON_DEPLOY_CONCURRENCY}`,
      "tasks mostly wait for services, so that many share a CPU; more would delay each other's heartbeats",
    ],
    [
      `--cpu=${settings.BATON_DEPLOY_CPU}`,
      "one whole CPU is the least with which an instance may have more than one request",
    ],
    [
      `--memory=${settings.BATON_DEPLOY_MEMORY}`,
      "Node and Google's clients take about 200 MiB, the rest is for the tasks of an instance together",
    ],
    [
      `--timeout=${timeoutSeconds}s`,
      "shorter than the ack deadline (600 s): an attempt has ended before its message comes again",
    ],
    [
      `--min-instances=${least}`,
      least === 0
        ? "0: nothing runs, and nothing is paid, while nothing happens"
        : "kept warm, and paid for while nothing happens, so that no message waits for a start",
    ],
    [
      `--max-instances=${settings.BATON_DEPLOY_MAX_INSTANCES}`,
      "with the concurrency, bounds what runs at once, and so the cost and the load on others",
    ],
    ["--cpu-throttling", "CPU is paid for while a message is handled, and not in between"],
    ["--cpu-boost", "loading Google's clients is most of a cold start, and more CPU shortens it"],
  ];
  return flags.map(([flag, why]) => ({ flag, why }));
}
