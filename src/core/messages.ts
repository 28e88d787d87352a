import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { limits } from "./limits.ts";
import { ReasonSchema, TerminalStatusSchema } from "./records.ts";
import { isStorableName } from "./steps.ts";
import { JsonValueSchema } from "./values/json.ts";
import { NameSchema } from "./values/text.ts";
import { END_TASK_ID } from "./workflow/definition.ts";

const BatchIdSchema = z
  .string()
  .min(1)
  .max(limits.batchIdCharacters)
  .regex(/^[A-Za-z0-9_.-]+$/, "a batch id has letters, digits, `-`, `_`, `.`");
const TaskIdSchema = z.union([NameSchema, z.literal(END_TASK_ID)]);

/** How a task has ended, as another system reports it. */
const CompletionSchema = z.union([
  z.strictObject({ result: JsonValueSchema }),
  z.strictObject({ error: z.string() }),
]);
export type Completion = z.infer<typeof CompletionSchema>;

/** A task message from outside: the fields that any publisher may set. */
export const PublicTaskMessageSchema = z.strictObject({
  batchId: BatchIdSchema,
  taskId: TaskIdSchema,
  /** The task that has completed. Absent: execute `taskId`. */
  previousTaskId: TaskIdSchema.optional(),
  /** Requires `previousTaskId`: how that task, which waits for a completion, ends. */
  completion: CompletionSchema.optional(),
});

/** A completion without `previousTaskId` would be read as an execute message, and its result would be lost. */
export function lacksPreviousTask(message: z.infer<typeof PublicTaskMessageSchema>): boolean {
  return message.completion !== undefined && message.previousTaskId === undefined;
}

/** Fields that only the engine may set, under its seal. They save reads; without them the message means the same. */
const engineFields = {
  /** How `previousTaskId` ended. Only set after that ending was committed. */
  ending: z.strictObject({ status: TerminalStatusSchema, reason: ReasonSchema.nullable() }).optional(),
  /** The parents' endings allow the task to run. Without it, the engine reads the parents' logs. */
  ready: z.literal(true).optional(),
  /**
   * Continuation of a large fan-out: dispatch this join's children from index `from`. One message covers at most
   * `limits.childrenPerMessage` children.
   */
  rest: z.strictObject({ joinId: z.string(), from: z.int().positive() }).optional(),
  /**
   * Set by the sweeper and by replays: the handler ignores what this process remembers as done. A queue with limits is
   * listed first, so that a message which it still holds is not created a second time.
   */
  redrive: z.literal(true).optional(),
};
export const engineFieldNames: ReadonlySet<string> = new Set(Object.keys(engineFields));

/** A task message between Baton's own handlers. */
const TaskMessageSchema = z.strictObject({
  kind: z.literal("task"),
  ...PublicTaskMessageSchema.shape,
  ...engineFields,
});
export type TaskMessage = z.infer<typeof TaskMessageSchema>;

/** Starts a batch. The same start key starts the same batch. */
export const StartMessageSchema = z.strictObject({
  kind: z.literal("start"),
  workflowId: NameSchema,
  input: JsonValueSchema.optional(),
  key: z.string().min(1).max(limits.startKeyCharacters).optional(),
});
export type StartMessage = z.infer<typeof StartMessageSchema>;

/** A file was dropped, and is complete. */
export const ObjectMessageSchema = z.strictObject({
  kind: z.literal("object"),
  bucket: z.string().min(1),
  object: z.string().min(1),
  generation: z.string().min(1),
  size: z.int().nonnegative().optional(),
});
export type ObjectMessage = z.infer<typeof ObjectMessageSchema>;

const EventNameSchema = z
  .string()
  .refine(isStorableName, `a name has 1–${limits.stepNameCharacters} characters, none of them half of one`);

/** An event for a batch, which resumes the tasks that wait for it. */
export const EventMessageSchema = z.strictObject({
  kind: z.literal("event"),
  batchId: BatchIdSchema,
  event: EventNameSchema,
  payload: JsonValueSchema.optional(),
});
export type EventMessage = z.infer<typeof EventMessageSchema>;

/** Sends a stored callback that is due. */
export const CallbackMessageSchema = z.strictObject({
  kind: z.literal("callback"),
  callbackId: z.string().min(1),
});

/** Sweeps running batches and pending callbacks, and publishes lost messages again. */
export const SweepMessageSchema = z.strictObject({
  kind: z.literal("sweep"),
  /** Sweeps only these. Absent: both. */
  part: z.enum(["batches", "callbacks"]).optional(),
  /** Continues a sweep after the batch or callback with this id. */
  after: z.string().optional(),
});
export type SweepMessage = z.infer<typeof SweepMessageSchema>;

/** Starts the batches of schedules that are due. */
export const TickMessageSchema = z.strictObject({ kind: z.literal("tick") });

/** Inspects one batch and publishes the messages that it lacks. */
export const RedriveMessageSchema = z.strictObject({ kind: z.literal("redrive"), batchId: BatchIdSchema });

/** All messages, whatever the transport. */
export const MessageSchema = z.discriminatedUnion("kind", [
  TaskMessageSchema,
  StartMessageSchema,
  ObjectMessageSchema,
  SweepMessageSchema,
  TickMessageSchema,
  RedriveMessageSchema,
  EventMessageSchema,
  CallbackMessageSchema,
]);
export type Message = z.infer<typeof MessageSchema>;

/** Queue of all messages that run no task: completions, starts, sweeps. No task can name it, because of the `$`. */
export const CONTROL_QUEUE = "$control";

/** Queue of callbacks, so that a slow receiver delays nothing else. */
export const CALLBACK_QUEUE = "$callbacks";

/** Messages with the same key ask for the same work. */
export function messageKey(message: Message): string {
  switch (message.kind) {
    case "task":
      return `${message.batchId} ${message.taskId} ${message.previousTaskId ?? ""}${continuationKey(message)}`;
    case "start":
      return `start ${message.workflowId} ${message.key ?? ""}`;
    case "object":
      return `object ${message.bucket}/${message.object}#${message.generation}`;
    case "redrive":
      return `redrive ${message.batchId}`;
    case "event":
      return `event ${message.batchId} ${message.event}`;
    case "callback":
      return `callback ${message.callbackId}`;
    case "sweep":
      return `sweep ${message.part ?? ""} ${message.after ?? ""}`;
    case "tick":
      return message.kind;
  }
}

function continuationKey({ rest }: TaskMessage): string {
  return rest ? ` ${rest.joinId} ${rest.from}` : "";
}

/**
 * Whether a sweep can publish this message again from the stored records, so that the embedded broker need not persist
 * it. A sweep finds every task that should run, every ending whose children were not dispatched, and every pending
 * callback. A completion from outside exists only in its message, even without a result. Those of the engine have an
 * `ending`.
 */
export function isRedrivable(message: Message): boolean {
  if (message.kind === "task") return message.previousTaskId === undefined || message.ending !== undefined;
  return message.kind === "redrive" || message.kind === "callback";
}

/** Input of a batch that a file drop starts. */
export const FileDropped = z.object({
  bucket: z.string(),
  object: z.string(),
  generation: z.string(),
});
export type FileDropped = z.infer<typeof FileDropped>;

/** The ids of a trace and of a span in it, as OpenTelemetry has them: 16 and 8 bytes in hexadecimal. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * The trace of a batch and the span of the whole batch. Both are derived from its id, so that every process knows them
 * and no message or record needs to carry them.
 */
export function batchTrace(batchId: string): SpanContext {
  const hash = createHash("sha256").update(batchId).digest("hex");
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

/** Attribute of a message, and header of a request, with the seal of its data. */
export const sealAttribute = "baton-seal";

/** The key of the HMAC. */
export interface SealKey {
  readonly secret: string;
  /** Name of the deployment. Two deployments that share a secret do not accept each other's seals. */
  readonly deployment: string;
}

/**
 * The signature on Baton's own messages. Everyone who may publish to a topic can set the fields of the engine, such as
 * `ready`; Baton only uses them in a message with a valid seal.
 */
export function computeSeal({ secret, deployment }: SealKey, data: Uint8Array): string {
  return createHmac("sha256", `baton message of ${deployment}: ${secret}`).update(data).digest("base64url");
}

/** Whether the seal was made with one of the keys. There are several while the secret is being rotated. */
export function isSealed(keys: readonly SealKey[], data: Uint8Array, seal: string): boolean {
  const actual = Buffer.from(seal, "base64url");
  return keys.some((key) => {
    const expected = Buffer.from(computeSeal(key, data), "base64url");
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  });
}

/** How a task's ending reaches its children: by a published completion, or in the delivery that settled the task. */
export const completionModes = ["published", "inline"] as const;
export type CompletionMode = (typeof completionModes)[number];
