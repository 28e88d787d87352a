import { existsSync, globSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { problemsText, type RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix, unconfiguredSecrets } from "../core/template/secret-references.ts";
import { daySeconds } from "../core/values/time.ts";
import { queueNames, timeoutsBeyondFunction } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { namedDataformAccounts } from "../tasks/dataform.ts";
import { listWorkflowFiles } from "../workflow/folder-files.ts";
import { infrastructureCommands } from "./commands.ts";
import { builtWorkflows } from "./function.ts";
import { type Deployment, loadWorkflows, type Part, planDeployment, readableWorkflows } from "./plan.ts";
import { readTarget, type Target, type TargetOptions } from "./target.ts";
import { type FoundTools, findTools, stateWarnings, terraformPrograms } from "./tools.ts";

/** What works, but is perhaps not meant. */
function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  return [
    ...sharedNameWarnings(deployment),
    ...sampleWarnings(deployment),
    ...unusedLimitWarnings(deployment, workflows),
    ...expiredCallbackWarnings(deployment, workflows),
    ...unnamedAccountWarnings(deployment, workflows),
    ...timeoutsBeyondFunction(workflows, deployment.functionTimeoutSeconds),
    ...(deployment.settings.BATON_DEPLOY_ALERT_EMAILS.length > 0
      ? []
      : [
          "BATON_DEPLOY_ALERT_EMAILS is not set: alerts are sent to no one, and are seen in the console only",
        ]),
  ];
}

/** Names that a second deployment in the same project would share with one of the usual prefix. */
function sharedNameWarnings({ prefix, databaseId, dataset }: Deployment): string[] {
  const shared = [
    ...(databaseId === "(default)" ? [`BATON_DATABASE (it is ${databaseId})`] : []),
    ...(dataset === "baton" ? [`BATON_DATASET (it is ${dataset})`] : []),
  ];
  if (prefix === "baton" || shared.length === 0) return [];
  return [
    `The prefix is ${prefix}, and ${shared.join(" and ")} did not change with it: if the project has a deployment with the prefix baton too, or a database already, set what is named here as well`,
  ];
}

/** Workflows of functions/workflows, without `greet`, which the smoke test of `cloudbuild.yaml` starts; a test compares. */
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

function sampleWarnings({ workflowIds }: Deployment): string[] {
  const samples = workflowIds.filter((id) => sampleWorkflowIds.has(id));
  if (samples.length === 0) return [];
  return [
    `${samples.join(", ")}: samples of Baton, which are deployed like all in functions/workflows. Some call made-up addresses, and some keep data on the disk of an instance, which is lost with it. To leave them out, keep your own workflows in another folder below functions/, and name that by BATON_WORKFLOWS: docs/deploy.md#your-own-workflows`,
  ];
}

/** Nearly always a misspelt name. */
function unusedLimitWarnings({ queueLimits, settings }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const named = new Set([...queueNames(workflows), ...settings.BATON_DEPLOY_QUEUES]);
  return queueLimits
    .filter(({ queue }) => !named.has(queue))
    .map(
      ({ queue }) =>
        `No workflow of the folder has a task in the queue ${queue}, which BATON_QUEUES limits. If applied workflows have, name it in BATON_DEPLOY_QUEUES as well`,
    );
}

/** A call that gets a cached result has its callback sent again, unless that was deleted after the retention. */
function expiredCallbackWarnings({ retentionDays }: Deployment, workflows: readonly DeployedWorkflow[]) {
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks
      .filter(({ callback, idempotency }) => {
        if (!callback || !idempotency || idempotency.recurring) return false;
        return idempotency.ttlSeconds > retentionDays * daySeconds;
      })
      .map(
        ({ id }) =>
          `Task ${id} of ${workflowId} gives its result out for longer (ttl) than callbacks are kept (BATON_RETENTION, ${retentionDays} days): a call that comes after that is not told of it`,
      ),
  );
}

function unnamedAccountWarnings({ dataformAccounts }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const { named, unnamed } = namedDataformAccounts(workflows);
  if (unnamed.length === 0 || dataformAccounts.length > named.length) return [];
  return [
    `${unnamed.join(", ")}: no account is named that Dataform's actions run as. Dataform refuses to run them for a caller that may not act as it: give the tasks serviceAccount, or name the accounts of their repositories in BATON_DATAFORM_ACCOUNTS`,
  ];
}

/** Everything that is known before anything is changed. */
export interface Prepared {
  readonly root: string;
  readonly parts: readonly Part[];
  readonly target: Target;
  readonly deployment: Deployment;
  readonly tools: FoundTools;
  readonly infrastructure: ReturnType<typeof infrastructureCommands>;
  /** That of the shell: the variables that workflows are given are not for tools. */
  readonly toolEnvironment: RawEnvironment;
  /** gcloud is needed, or there anyway. */
  readonly asksForProject: boolean;
  /** Why the folder can't be deployed as it is. */
  readonly packageProblems: readonly string[];
  /** The built workflows, from the folder. */
  readonly workflows: string;
  /** What works, but is perhaps not meant, beside the warnings of the target. */
  readonly warnings: readonly string[];
}

export interface PrepareOptions extends TargetOptions {
  /** The folder of Baton and its workflows. */
  readonly root: string;
  readonly parts: readonly Part[];
  /** The deployment is to be removed: what is wrong with the workflows does not matter. */
  readonly removes: boolean;
  /** What Terraform says goes to no terminal. */
  readonly isPlain: boolean;
}

/**
 * Reads the environment, the workflows, the folder and the tools. It calls no service and changes nothing but this process's own
 * environment, which gets the variables of the workflows.
 */
export async function prepareDeployment(
  environment: RawEnvironment,
  options: PrepareOptions,
): Promise<Prepared> {
  const { root, parts, removes, isPlain } = options;
  const target = readTarget(environment, options);
  const toolEnvironment = { ...process.env };
  // Workflows find what they find where they run.
  Object.assign(process.env, target.ownVariables, target.ownSecrets);
  const { workflows: folder } = target.configuration;
  const workflows = removes ? "" : builtWorkflows(folder, root);
  const found = await (removes ? readableWorkflows : loadWorkflows)(folder);
  if (!removes) assertSecrets(target, found);
  const deployment = planDeployment(target, found);
  const needed = parts.map((part) => (part === "infrastructure" ? "terraform" : "gcloud"));
  const tools = await findTools(needed, {
    environment: { ...toolEnvironment, PATH: environment.PATH },
    terraform: terraformPrograms(root, target.settings.BATON_DEPLOY_TERRAFORM),
  });
  return {
    root,
    parts,
    target,
    deployment,
    tools,
    toolEnvironment,
    infrastructure: infrastructureCommands(deployment, { programs: tools.programs, isPlain }),
    asksForProject: parts.includes("function") || tools.hasGcloud,
    packageProblems: removes ? [] : await packageProblems(root, parts, folder, workflows),
    workflows,
    warnings: removes
      ? []
      : [
          ...planWarnings(deployment, found),
          ...(parts.includes("infrastructure") ? stateWarnings(root) : []),
        ],
  };
}

/** Every task that names a secret without a reference would fail. Throws `CONFIGURATION_INVALID`. */
function assertSecrets({ ownSecrets }: Target, workflows: readonly DeployedWorkflow[]): void {
  const configured = Object.keys(ownSecrets)
    .filter((name) => name.startsWith(taskSecretPrefix))
    .map((name) => name.slice(taskSecretPrefix.length));
  const problems = unconfiguredSecrets(workflows, configured);
  if (problems.length === 0) return;
  throw new BatonError("CONFIGURATION_INVALID", problemsText(problems), {
    remedy:
      "Put the secret into Secret Manager, and BATON_TASK_SECRET_<NAME>=secret:<name of the secret> into the file of --variables.",
  });
}

/** Throws `DEPLOY_TOOL_MISSING`, and `DEPLOY_BUILD_STALE`. */
export function assertReady({ tools, packageProblems: problems }: Prepared): void {
  if (tools.problems.length > 0) throw new BatonError("DEPLOY_TOOL_MISSING", tools.problems.join("\n"));
  if (problems.length > 0) throw new BatonError("DEPLOY_BUILD_STALE", problems.join("\n"));
}

/** What has to be in the folder that the command runs in. */
const neededFiles = {
  infrastructure: ["infra/variables.tf"],
  function: ["package.json", "package-lock.json", "scripts/package.js"],
} as const satisfies Record<Part, readonly string[]>;

const main = "dist/functions/index.js";

/** Why what is in the folder can't be deployed. `sources`: the workflows; `built`: their build, from the folder. */
async function packageProblems(
  root: string,
  parts: readonly Part[],
  sources: string,
  built: string,
): Promise<readonly string[]> {
  const missing = parts.flatMap((part) => neededFiles[part]).filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    return [`${missing.join(", ")} is missing: run it in the folder into which Baton was cloned`];
  if (!parts.includes("function")) return [];
  if (!existsSync(join(root, main))) return [`${main} is missing: run \`npm run build\``];
  const builtAt = statSync(join(root, main)).mtimeMs;
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
    ...(await leftOverWorkflows(root, sources, built)),
  ];
}

/** Built workflows whose sources were deleted: deployed, they would go on to run. */
async function leftOverWorkflows(root: string, sources: string, built: string): Promise<string[]> {
  const folder = join(root, built);
  if (folder === sources || !existsSync(folder)) return [];
  return (await listWorkflowFiles(folder))
    .map(({ path }) => relative(folder, path))
    .filter((path) => [path, path.replace(/\.js$/, ".ts")].every((name) => !existsSync(join(sources, name))))
    .map((path) => `${join(built, path)} has no source any more: run \`npm run build\`, and the tests`);
}
