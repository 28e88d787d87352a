import * as z from "zod";
import type {
  Compilation,
  Invocation,
  InvocationAction,
  InvocationConfig,
  InvocationSource,
} from "../../ports/services.ts";
import { sparseObject } from "../remote/service-response.ts";

/*
 * The parts of Dataform's responses that Baton reads. Dataform omits fields that have their default value:
 * https://cloud.google.com/dataform/reference/rest
 */

export const CompilationSchema = z
  .object({
    name: z.string().min(1),
    compilationErrors: z
      .array(z.object({ message: z.string().default(""), path: z.string().optional() }))
      .default([]),
  })
  .transform(
    ({ name, compilationErrors }): Compilation => ({
      name,
      errors: compilationErrors.map(({ message, path }) => ({ message, path })),
    }),
  );

const TargetSchema = z.object({
  database: z.string().optional(),
  schema: z.string().optional(),
  name: z.string().default(""),
});

const ConfigSchema = z.object({
  includedTags: z.array(z.string()).default([]),
  includedTargets: z.array(TargetSchema).default([]),
  transitiveDependenciesIncluded: z.boolean().default(false),
  transitiveDependentsIncluded: z.boolean().default(false),
  fullyRefreshIncrementalTablesEnabled: z.boolean().default(false),
  serviceAccount: z.string().optional(),
  queryPriority: z.string().optional(),
});
const LooseConfigSchema = ConfigSchema.loose();

function toInvocationConfig(answer: z.infer<typeof ConfigSchema>): InvocationConfig {
  const { fullyRefreshIncrementalTablesEnabled, serviceAccount, queryPriority, ...rest } =
    ConfigSchema.parse(answer);
  return {
    ...rest,
    fullyRefreshIncrementalTables: fullyRefreshIncrementalTablesEnabled,
    serviceAccount: serviceAccount === "" ? undefined : serviceAccount,
    queryPriority: queryPriority === "INTERACTIVE" || queryPriority === "BATCH" ? queryPriority : undefined,
  };
}

function hasOtherSettings(answer: object): boolean {
  return Object.keys(answer).some((name) => !(name in ConfigSchema.shape));
}

/** An unknown state counts as running: a new state of Dataform must not end a task. */
const StateSchema = z.enum(["RUNNING", "CANCELING", "SUCCEEDED", "FAILED", "CANCELLED"]).catch("RUNNING");

export const InvocationSchema = z
  .object({
    name: z.string().min(1),
    compilationResult: z.string().optional(),
    resolvedCompilationResult: z.string().optional(),
    workflowConfig: z.string().optional(),
    state: StateSchema,
    invocationTiming: z.object({ startTime: z.string().optional() }).optional(),
    invocationConfig: LooseConfigSchema.prefault({}),
  })
  .transform(
    (answer): Invocation => ({
      name: answer.name,
      compilationResult: answer.resolvedCompilationResult ?? answer.compilationResult ?? "",
      workflowConfig: answer.workflowConfig,
      state: answer.state,
      startedAt: Date.parse(answer.invocationTiming?.startTime ?? "") || 0,
      config: toInvocationConfig(answer.invocationConfig),
      hasOtherSettings: hasOtherSettings(answer.invocationConfig),
    }),
  );

const ActionSchema = z
  .object({
    target: TargetSchema.prefault({}),
    state: z
      .enum(["PENDING", "RUNNING", "SKIPPED", "DISABLED", "SUCCEEDED", "CANCELLED", "FAILED"])
      .catch("PENDING"),
    failureReason: z.string().optional(),
  })
  .transform(
    ({ target, state, failureReason }): InvocationAction => ({
      target: [target.database, target.schema, target.name].filter((part) => part).join("."),
      state,
      failureReason,
    }),
  );

export const InvocationsPageSchema = sparseObject({
  workflowInvocations: z.array(InvocationSchema).default([]),
  nextPageToken: z.string().optional(),
});

export const ActionsPageSchema = sparseObject({
  workflowInvocationActions: z.array(ActionSchema).default([]),
  nextPageToken: z.string().optional(),
});

/** The body that creates an invocation. */
export function toInvocationBody(source: InvocationSource): object {
  if ("workflowConfig" in source) return { workflowConfig: source.workflowConfig };
  const { compilationResult, config } = source;
  const { fullyRefreshIncrementalTables, ...rest } = config;
  return {
    compilationResult,
    invocationConfig: { ...rest, fullyRefreshIncrementalTablesEnabled: fullyRefreshIncrementalTables },
  };
}
