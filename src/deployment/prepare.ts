import { existsSync, globSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { problemsText, type RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix, unconfiguredSecrets } from "../core/template/secret-references.ts";
import { daySeconds } from "../core/values/time.ts";
import { queueNames, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { namedDataformAccounts } from "../tasks/dataform.ts";
import { listWorkflowFiles } from "../workflow/folder-files.ts";
import { functionCommands, infrastructureCommands } from "./commands.ts";
import { type Deployment, loadWorkflows, type Part, planDeployment, readableWorkflows } from "./plan.ts";
import { readTarget, type Target, type TargetOptions } from "./target.ts";
import type { Progress } from "./tools.ts";
import { findTools, stateWarnings, terraformPrograms } from "./tools.ts";

/** Workflows of functions/workflows, without `greet`, which `cloudbuild.yaml` starts; a test compares them. */
export const sampleWorkflowIds: ReadonlySet<string> = new Set([
  "account-enrichment",
  "cleanup_old_data",
  "contributions-analysis",
  "contributions-refresh",
  "generate_analytics_report",
  "process_document",
  "sales-refresh",
  "scrape_website",
  "search-index",
  "send_notification",
]);

/** Settings that work, but may be mistakes. */
function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  const { prefix, databaseId, dataset, workflowIds, queueLimits, settings, dataformAccounts } = deployment;
  const shared = [
    ...(databaseId === "(default)" ? [`BATON_DATABASE (it is ${databaseId})`] : []),
    ...(dataset === "baton" ? [`BATON_DATASET (it is ${dataset})`] : []),
  ];
  const samples = workflowIds.filter((id) => sampleWorkflowIds.has(id));
  const queues = new Set([...queueNames(workflows), ...settings.BATON_DEPLOY_QUEUES]);
  const { named, unnamed } = namedDataformAccounts(workflows);
  const warnings: string[] = [];
  if (prefix !== "baton" && shared.length > 0)
    warnings.push(
      `The prefix is ${prefix}, and ${shared.join(" and ")} did not change with it: ` +
        "another deployment may use the same",
    );
  if (samples.length > 0)
    warnings.push(
      `${samples.join(", ")}: samples of Baton. Some call made-up addresses or keep data on the disk of an ` +
        "instance. To leave them out: docs/deploy.md#your-own-workflows",
    );
  // Nearly always a misspelt name.
  for (const { queue } of queueLimits.filter(({ queue }) => !queues.has(queue)))
    warnings.push(
      `No workflow of the folder has a task in the queue ${queue} of BATON_QUEUES. If applied ` +
        "ones have: BATON_DEPLOY_QUEUES",
    );
  warnings.push(...expiredCallbackWarnings(deployment, workflows));
  if (unnamed.length > 0 && dataformAccounts.length <= named.length)
    warnings.push(
      `${unnamed.join(", ")}: no account is named that Dataform's actions run as: set ` +
        "serviceAccount or BATON_DATAFORM_ACCOUNTS",
    );
  warnings.push(...timeoutsBeyondFunction(workflows, deployment.functionTimeoutSeconds));
  if (settings.BATON_DEPLOY_ALERT_EMAILS.length === 0)
    warnings.push("BATON_DEPLOY_ALERT_EMAILS is not set: alerts are visible only in the console");
  return warnings;
}

/** A call that gets a cached result has its callback sent again, unless that was deleted after the retention. */
function expiredCallbackWarnings({ retentionDays }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const effect = `keeps its result for longer than its callbacks (${retentionDays} days): later calls get none`;
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks.flatMap(({ id, callback, idempotency }) => {
      if (!callback || !idempotency || idempotency.recurring) return [];
      const isExpired = idempotency.ttlSeconds > retentionDays * daySeconds;
      return isExpired ? [`Task ${id} of ${workflowId} ${effect}`] : [];
    }),
  );
}

/** What is known before anything is changed. */
export type Prepared = Readonly<Awaited<ReturnType<typeof prepareDeployment>>>;

/** A prepared deployment or removal whose steps are run, or recorded. */
export type Deploying = Prepared & Progress;

export interface PrepareOptions extends TargetOptions {
  /** The project's folder, with Baton and its workflows. */
  readonly root: string;
  readonly parts: readonly Part[];
  /** For a removal, problems of the workflows do not matter. */
  readonly removes: boolean;
  /** The output of Terraform is not shown on a terminal. */
  readonly isPlain: boolean;
}

/**
 * Reads the environment, the workflows, the folder and the tools. Calls no service. This process gets the variables of
 * the workflows.
 */
export async function prepareDeployment(environment: RawEnvironment, options: PrepareOptions) {
  const { root, parts, removes, isPlain } = options;
  const target = readTarget(environment, options);
  const toolEnvironment: RawEnvironment = { ...process.env };
  // Workflows find the same variables as in the function.
  Object.assign(process.env, target.ownVariables, target.ownSecrets);
  const { workflows: folder } = target.configuration;
  const workflows = removes ? "" : builtWorkflows(folder, root);
  const loaded = await (removes ? readableWorkflows : loadWorkflows)(folder);
  if (!removes) assertSecrets(target, loaded);
  const deployment = planDeployment(target, loaded);
  const needed = parts.map((part) => (part === "infrastructure" ? "terraform" : "gcloud"));
  const programs = terraformPrograms(root, target.settings.BATON_DEPLOY_TERRAFORM);
  const tools = await findTools(needed, { ...toolEnvironment, PATH: environment.PATH }, programs);
  const warnings = [
    ...planWarnings(deployment, loaded),
    ...(parts.includes("infrastructure") ? stateWarnings(root) : []),
  ];
  return {
    ...{ root, parts, target, deployment, tools },
    /** The environment of the shell: tools do not get the variables of the workflows. */
    toolEnvironment,
    infrastructure: infrastructureCommands(deployment, tools.terraform, isPlain),
    gcloud: functionCommands(deployment),
    /** Whether gcloud is needed, or at least installed. */
    asksForProject: parts.includes("function") || tools.hasGcloud,
    /** Why the folder can't be deployed. */
    packageProblems: removes ? [] : await packageProblems(root, parts, folder, workflows),
    /** The folder of the built workflows; its path starts at the project's folder. */
    workflows,
    /** In addition to those of the target. */
    warnings: removes ? [] : warnings,
  };
}

/** The folder of the built workflows in the package. Throws `CONFIGURATION_INVALID` for a folder that is not built. */
function builtWorkflows(folder: string, root: string): string {
  const path = relative(root, folder).split(sep).join("/");
  if (/^dist\/functions(?:\/|$)/.test(path)) return path;
  if (/^functions\/./.test(path)) return `dist/${path}`;
  const message =
    "Only what is below functions/ is built and deployed: put the workflows into functions/workflows";
  throw new BatonError("CONFIGURATION_INVALID", message, { where: `BATON_WORKFLOWS=${path}` });
}

/** Without a reference, a task that names a secret would fail. Throws `CONFIGURATION_INVALID`. */
function assertSecrets({ ownSecrets }: Target, workflows: readonly DeployedWorkflow[]): void {
  const configured = Object.keys(ownSecrets)
    .filter((name) => name.startsWith(taskSecretPrefix))
    .map((name) => name.slice(taskSecretPrefix.length));
  const problems = unconfiguredSecrets(workflows, configured);
  const remedy =
    "Store it in Secret Manager, and put BATON_TASK_SECRET_<NAME>=secret:<name of the secret> into the file.";
  if (problems.length > 0) throw new BatonError("CONFIGURATION_INVALID", problemsText(problems), { remedy });
}

/** Throws `DEPLOY_TOOL_MISSING` and `DEPLOY_BUILD_STALE`. */
export function assertReady({ tools, packageProblems: problems }: Prepared): void {
  if (tools.problems.length > 0) throw new BatonError("DEPLOY_TOOL_MISSING", tools.problems.join("\n"));
  if (problems.length > 0) throw new BatonError("DEPLOY_BUILD_STALE", problems.join("\n"));
}

/** Files that the folder of the command must have. */
const neededFiles = {
  infrastructure: ["infra/variables.tf"],
  function: ["package.json", "package-lock.json", "scripts/package.js"],
} as const satisfies Record<Part, readonly string[]>;

const entryFile = "dist/functions/index.js";

/** `sources`: the folder of the workflows. `built`: the folder of their build, from the project's. */
async function packageProblems(root: string, parts: readonly Part[], sources: string, built: string) {
  const missing = parts.flatMap((part) => neededFiles[part]).filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    return [`${missing.join(", ")} is missing: run it in the folder into which Baton was cloned`];
  if (!parts.includes("function")) return [];
  if (!existsSync(join(root, entryFile))) return [`${entryFile} is missing: run \`npm run build\``];
  const builtAt = statSync(join(root, entryFile)).mtimeMs;
  const [changed, ...others] = globSync("{src,functions}/**/*.{ts,js,mjs,yaml,yml,json}", { cwd: root })
    .filter((path) => statSync(join(root, path)).mtimeMs > builtAt)
    .sort();
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  const unbuilt = (await listWorkflowFiles(sources))
    .map(({ path }) => join(built, relative(sources, path)).replace(/\.ts$/, ".js"))
    .filter((path) => !existsSync(join(root, path)));
  return [
    ...(changed ? [`${changed}${more} changed after the build: run \`npm run build\`, and the tests`] : []),
    ...unbuilt.map((path) => `${path} is missing in the build: run \`npm run build\``),
    ...(await orphanedBuilds(root, sources, built)),
  ];
}

/** Built workflows whose sources were deleted. If they were deployed, they would still run. */
async function orphanedBuilds(root: string, sources: string, built: string): Promise<string[]> {
  const folder = join(root, built);
  if (folder === sources || !existsSync(folder)) return [];
  return (await listWorkflowFiles(folder))
    .map(({ path }) => relative(folder, path))
    .filter((path) => [path, path.replace(/\.js$/, ".ts")].every((name) => !existsSync(join(sources, name))))
    .map((path) => `${join(built, path)} has no source any more: run \`npm run build\`, and the tests`);
}
