import { createLogger } from "../adapters/pino/logger.ts";
import type { App } from "../composition/app.ts";
import type { Configuration } from "../composition/configuration.ts";
import { localServerVariables } from "../composition/environment.ts";
import type { RawEnvironment } from "../composition/raw-environment.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import type { CheckGroup, CheckResult } from "./check.ts";
import type { CheckEndpoints } from "./cloud-groups.ts";
import { checkConfiguration } from "./configuration-check.ts";
import { type CheckedCredentials, checkCredentials, nobody, withoutCredentials } from "./credentials.ts";
import { localGroups, nodeGroup } from "./local.ts";
import { runChecks } from "./run-checks.ts";
import { type CheckedWorkflows, checkWorkflowFiles, readableOf } from "./workflows.ts";

export interface DoctorOptions {
  /** How long a check may take. Default 20,000. */
  readonly timeoutMs?: number;
  readonly endpoints?: CheckEndpoints;
}

export interface Diagnosis {
  readonly results: readonly CheckResult[];
  /** False: the variables are so wrong that little else could be looked at. */
  readonly isConfigured: boolean;
}

/** Looks at everything that a deployment needs, all at the same time, and changes nothing. */
export async function diagnose(environment: RawEnvironment, options: DoctorOptions = {}): Promise<Diagnosis> {
  const { timeoutMs = 20_000 } = options;
  const { results, configuration } = await checkConfiguration(environment);
  const isLocal = localServerVariables.some((variable) => environment[variable]);
  const run = (groups: readonly CheckGroup[]) =>
    runChecks(groups, { timeoutMs, isLocal, projectId: configuration?.google?.projectId });
  if (!configuration) return { results: [...(await run([nodeGroup()])), ...results], isConfigured: false };
  const { google } = configuration;
  const credentials = google ? await checkCredentials(google, isLocal, run) : nobody;
  const place = { environment, configuration, isLocal, credentials, endpoints: options.endpoints ?? {} };
  const { results: workflows, ...named } = await workflowResults(place, run);
  const cloud = await cloudGroups(place, named);
  try {
    const local = configuration.engine === "embedded" ? localGroups(configuration) : [];
    const found = await run([...local, ...cloud.groups]);
    const before = [...(await run([nodeGroup()])), ...results, ...workflows, ...credentials.results];
    return { results: [...before, ...found], isConfigured: true };
  } finally {
    await cloud.close();
  }
}

interface Place {
  readonly environment: RawEnvironment;
  readonly configuration: Configuration;
  readonly isLocal: boolean;
  readonly credentials: CheckedCredentials;
  readonly endpoints: CheckEndpoints;
}

/** Topics are named by queues, and queues by workflows: these come first. */
async function workflowResults(
  { configuration, credentials }: Place,
  run: (groups: readonly CheckGroup[]) => Promise<readonly CheckResult[]>,
) {
  const folder = new FolderCatalog({ folder: configuration.workflows, taskTypes: builtInTaskTypes });
  const app = credentials.areUsable ? await deployedApp(configuration) : undefined;
  let named = await readableOf(folder);
  try {
    const results = await run([
      {
        id: "workflows.valid",
        subject: configuration.workflows,
        async run() {
          // Those that were applied are in the database, which may not answer in time: then it is those of the folder.
          const { results, ...found } = await checkWorkflowFiles(
            configuration.taskSecrets,
            folder,
            app?.folder,
          );
          named = found;
          return results;
        },
      },
    ]);
    return { results, ...named };
  } finally {
    await app?.close().catch(() => {});
  }
}

/** Knows the workflows that were applied, too; undefined: they are not looked at. The embedded engine is not opened: that would make its database. */
async function deployedApp(configuration: Configuration): Promise<App | undefined> {
  if (configuration.engine !== "gcp") return undefined;
  const { openCloud } = await import("../composition/cloud.ts");
  return openCloud({ configuration, logger: createLogger("silent") });
}

async function cloudGroups(
  { environment, configuration, isLocal, credentials, endpoints }: Place,
  { queues, dataform }: Omit<CheckedWorkflows, "results">,
) {
  const { google } = configuration;
  if (!google) return { groups: [], close: async () => {} };
  const { cloudChecks } = await import("./cloud-groups.ts");
  const { groups, close } = cloudChecks({
    context: { configuration, google, caller: credentials.caller },
    queues,
    dataform,
    isLocal,
    firestoreHost: environment.FIRESTORE_EMULATOR_HOST,
    endpoints,
  });
  return { groups: credentials.areUsable ? groups : groups.map(withoutCredentials), close };
}
