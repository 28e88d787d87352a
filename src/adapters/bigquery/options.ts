import type { TaskTime } from "../../ports/task-time.ts";

export interface BigQueryOptions {
  readonly projectId: string;
  /** Dataset of tables that are named without one. Made when it is missing. */
  readonly dataset: string;
  /** Names the deployment: job ids are unique in a project, and those of another deployment are not ours. Default: the dataset. */
  readonly deployment?: string | undefined;
  /** Where jobs run and datasets are made, such as `EU` or `europe-west6`. Default: where the dataset is, or else `US`. */
  readonly location?: string | undefined;
  /** Default: Google's. Another host, such as a local server, is called without credentials. */
  readonly apiEndpoint?: string | undefined;
  /**
   * Cloud Storage, whose files are looked at before they are loaded. Default: Google's; beside another `apiEndpoint`,
   * the same host, as www.googleapis.com has both.
   */
  readonly storageEndpoint?: string | undefined;
  /** Limit of every query that has none of its own. Default: none. */
  readonly maximumBytesBilled?: number | undefined;
  /** How long a call waits for a job that it began. Default: `limits.warehouseWaitSeconds`. */
  readonly waitMs?: number | undefined;
  /** The time of the tasks that use it: while a job of theirs waits to be begun, it is not theirs. */
  readonly time?: TaskTime | undefined;
  /** How long one request is waited for before it is sent again. Default: a minute. */
  readonly requestMs?: number | undefined;
}
