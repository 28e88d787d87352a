import type { DeploymentSettings } from "../target/settings.ts";

export interface FunctionSetting {
  /** Flag of `gcloud run deploy`, with its value. */
  readonly flag: string;
  readonly why: string;
}

/** By it, gcloud says anew who may call the function. */
export const privateFlag = "--no-allow-unauthenticated";

/** How the function runs, and the reason of each. */
export function functionSettings(
  settings: DeploymentSettings,
  timeoutSeconds: number,
): readonly FunctionSetting[] {
  return [
    { flag: privateFlag, why: "only the account that pushes may call it" },
    { flag: "--ingress=internal", why: "Pub/Sub of the same project reaches it, the internet does not" },
    {
      flag: "--execution-environment=gen2",
      why: "a full Linux for what tasks bring along, and the faster disk and network; nobody waits for a cold start",
    },
    {
      flag: `--concurrency=${settings.BATON_DEPLOY_CONCURRENCY}`,
      why: "tasks mostly wait for services, so that many share a CPU; more would delay each other's heartbeats",
    },
    {
      flag: `--cpu=${settings.BATON_DEPLOY_CPU}`,
      why: "one whole CPU is the least with which an instance may have more than one request",
    },
    {
      flag: `--memory=${settings.BATON_DEPLOY_MEMORY}`,
      why: "Node and Google's clients take about 200 MiB, the rest is for the tasks of an instance together",
    },
    {
      flag: `--timeout=${timeoutSeconds}s`,
      why: "shorter than the ack deadline (600 s): an attempt has ended before its message comes again",
    },
    {
      flag: `--min-instances=${settings.BATON_DEPLOY_MIN_INSTANCES}`,
      why:
        settings.BATON_DEPLOY_MIN_INSTANCES === 0
          ? "0: nothing runs, and nothing is paid, while nothing happens"
          : "kept warm, and paid for while nothing happens, so that no message waits for a start",
    },
    {
      flag: `--max-instances=${settings.BATON_DEPLOY_MAX_INSTANCES}`,
      why: "with the concurrency, bounds what runs at once, and so the cost and the load on others",
    },
    { flag: "--cpu-throttling", why: "CPU is paid for while a message is handled, and not in between" },
    {
      flag: "--cpu-boost",
      why: "loading Google's clients is most of a cold start, and more CPU shortens it",
    },
  ];
}
