import type { Configuration } from "../composition/configuration.ts";
import type { GoogleConfiguration } from "../composition/google-configuration.ts";
import type { Caller } from "./permission-check.ts";

/** What the checks of Google's services have in common. */
export interface CloudContext {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  readonly caller: Caller;
}
