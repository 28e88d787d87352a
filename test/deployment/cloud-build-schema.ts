import * as z from "zod";

/**
 * The fields of https://cloud.google.com/build/docs/build-config-file-schema that this repository has a use for, and
 * how they may be written. Strict: Cloud Build refuses a field that it does not know.
 */
const DurationSchema = z.string().regex(/^\d+(\.\d+)?s$/, "seconds, with an s at the end");
const EnvironmentSchema = z.array(z.string().regex(/^[A-Za-z_]\w*=/, "KEY=VALUE"));
const idSchema = z.string().regex(/^[a-z][a-z0-9-]*$/);

const StepSchema = z
  .strictObject({
    name: z.string().min(1),
    id: idSchema,
    args: z.array(z.string()).max(100).optional(),
    entrypoint: z.string().optional(),
    script: z.string().optional(),
    env: EnvironmentSchema.default([]),
    secretEnv: z.array(z.string()).optional(),
    dir: z.string().optional(),
    waitFor: z.array(idSchema).default([]),
    allowFailure: z.boolean().default(false),
    allowExitCodes: z.array(z.int()).optional(),
    timeout: DurationSchema.optional(),
    automapSubstitutions: z.boolean().optional(),
  })
  // "If you specify script in a build step, you cannot specify args or entrypoint in the same step."
  .refine(({ script, args, entrypoint }) => script === undefined || (!args && !entrypoint));

export type BuildStep = z.infer<typeof StepSchema>;

/** Name and value of a build, before substitution. */
export const CloudBuildSchema = z.strictObject({
  steps: z.array(StepSchema).min(1).max(300),
  // "User-defined substitutions must begin with an underscore (_) and use only uppercase-letters and numbers."
  substitutions: z.record(z.string().regex(/^_[A-Z0-9_]+$/), z.string()),
  serviceAccount: z.string().regex(/^projects\/[^/]+\/serviceAccounts\/[^/]+$/),
  options: z.strictObject({
    // With an account of one's own, logs can't go to Cloud Build's default bucket.
    logging: z.enum(["CLOUD_LOGGING_ONLY", "GCS_ONLY", "LEGACY", "NONE"]),
    machineType: z.enum(["UNSPECIFIED", "E2_MEDIUM", "E2_HIGHCPU_8", "E2_HIGHCPU_32"]).optional(),
    substitutionOption: z.enum(["MUST_MATCH", "ALLOW_LOOSE"]),
    dynamicSubstitutions: z.boolean().optional(),
    automapSubstitutions: z.boolean().optional(),
    env: EnvironmentSchema.optional(),
    diskSizeGb: z.string().optional(),
  }),
  timeout: DurationSchema,
  queueTtl: DurationSchema.optional(),
  logsBucket: z.string().optional(),
  tags: z.array(z.string()).optional(),
});

/** "Cloud Build provides the following default substitutions for all builds." */
export const builtInSubstitutions = ["PROJECT_ID", "BUILD_ID", "PROJECT_NUMBER", "LOCATION"] as const;

/** Names of the substitutions in a text. `$$` is a dollar sign. */
export function substitutionsIn(text: string): string[] {
  return [...text.matchAll(/\$\$|\$\{?(\w+)\}?/g)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

export function substituted(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\{?(\w+)\}?/g, (found: string, name?: string) =>
    name === undefined ? "$" : (values[name] ?? found),
  );
}
