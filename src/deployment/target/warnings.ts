import type { LogLevel } from "../../adapters/pino/logger.ts";
import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { logLevelWarnings } from "./log-level.ts";
import { likelySecrets } from "./own-secrets.ts";

/** Meant for this machine: a function has Google's own services. */
export const ofThisMachine =
  /_EMULATOR_HOST$|^BATON_(?:WAREHOUSE|OBJECTS|DATA|INBOX|DURABILITY|PUBSUB_ENDPOINT|SECRET_MANAGER_ENDPOINT)$/;

interface Looked {
  /** The environment. */
  readonly given: RawEnvironment;
  readonly file: RawEnvironment;
  /** Variables of one's own that are set as they are. */
  readonly literal: RawEnvironment;
  readonly logLevel: LogLevel | undefined;
}

/** What works, but is perhaps not what was meant. */
export function targetWarnings({ given, file, literal, logLevel }: Looked): string[] {
  const here = Object.keys(given).filter(
    (name) => name.startsWith("BATON_SAMPLE_") && given[name] !== "" && !(name in file),
  );
  return [
    ...here
      .sort()
      .map(
        (name) =>
          `${name} of this environment decides what the workflows are here, and the function does not get it: put it into the file of --variables, or unset it`,
      ),
    ...Object.keys(file)
      .filter((name) => ofThisMachine.test(name))
      .map((name) => `${name} of the file is meant for a machine of yours: the function does not get it`),
    ...likelySecrets(literal).map(
      (name) =>
        `${name} looks like a secret, and everybody who may see the function can read it: put it into Secret Manager, and write ${name}=secret:<name of the secret>`,
    ),
    ...logLevelWarnings(logLevel),
  ];
}
