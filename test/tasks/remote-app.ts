import { onTestFinished } from "vitest";
import * as z from "zod";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { type EmbeddedApp, openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import {
  dataformSettings,
  dataformVariables,
  powerBiSettings,
  powerBiVariables,
} from "../../src/configuration/environment.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import type { Logger } from "../../src/ports/telemetry.ts";
import type { Services } from "../../src/runtime/task-type.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { temporaryFolder } from "../support/app.ts";

const VariablesSchema = z.object({ ...dataformVariables, ...powerBiVariables });

export interface RemoteAppOptions {
  readonly workflows: readonly BuiltWorkflow[];
  readonly environment: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}

/** A real embedded app, closed with the test, whose tasks reach the services that the environment names. */
export function remoteApp({
  workflows,
  environment,
  logger = createLogger("silent"),
}: RemoteAppOptions): EmbeddedApp {
  const values = VariablesSchema.parse(environment);
  const configuration = {
    ...readConfiguration({ BATON_DATA: temporaryFolder(), BATON_DURABILITY: "normal", ...environment }),
    dataform: dataformSettings(values),
    powerBi: powerBiSettings(values),
  };
  const app = openEmbedded({ configuration, logger, workflows });
  onTestFinished(() => app.close());
  return app;
}

/** The one task of a batch. */
export function onlyTask(view: BatchView): BatchView["tasks"][number] {
  const [task] = view.tasks;
  if (!task) throw new Error("The batch has no task");
  return task;
}

/** Keeps all that is logged, as text. */
export class RecordingLogger implements Logger {
  text = "";
  readonly #keep = (message: string, fields?: object): void => {
    this.text += `${message} ${JSON.stringify(fields ?? {})}\n`;
  };
  readonly debug = this.#keep;
  readonly info = this.#keep;
  readonly warn = this.#keep;
  readonly error = this.#keep;
}

/** The services of a task that may ask for no others than these. */
export function onlyService({
  dataform,
  powerBi,
}: Partial<Pick<Services, "dataform" | "powerBi">>): Services {
  const unused = (): never => {
    throw new Error("This task needs no such service");
  };
  return {
    get warehouse() {
      return unused();
    },
    get objects() {
      return unused();
    },
    get http() {
      return unused();
    },
    get dataform() {
      return dataform ?? unused();
    },
    get powerBi() {
      return powerBi ?? unused();
    },
  };
}
