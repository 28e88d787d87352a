import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { limits } from "./limits.ts";
import { ReasonSchema, TerminalStatusSchema } from "./records.ts";
import { isStorableName } from "./steps.ts";
import { JsonValueSchema } from "./values/json.ts";
import { END_TASK_ID, NameSchema } from "./values/text.ts";

const BatchIdSchema = z
  .string()
  .min(1)
  .max(limits.batchIdCharacters)
  .regex(/^[A-Za-z0-9_.-]+$/, "a batch id has letters, digits, `-`, `_`, `.`");
const TaskIdSchema = z.union([NameSchema, z.literal(END_TASK_ID)]);

/** What an outside system says about a task that waits for it. */
const CompletionSchema = z.union([
  z.strictObject({ result: JsonValueSchema }),
  z.strictObject({ error: z.string() }),
]);
export type Completion = z.infer<typeof CompletionSchema>;

/** A task message as anyone may publish it. */
export const PublicTaskMessageSchema = z.strictObject({
  batchId: BatchIdSchema,
  taskId: TaskIdSchema,
  /** The task that has completed. Absent: run `taskId`. */
  previousTaskId: TaskIdSchema.optional(),
  /** With `previousTaskId`, from outside: how a task that waits for it ends. */
  completion: CompletionSchema.optional(),
});

/** A completion without the task it is of would be taken for an order to run that task, and be lost. */
export function lacksPreviousTask(message: z.infer<typeof PublicTaskMessageSchema>): boolean {
  return message.completion !== undefined && message.previousTaskId === undefined;
}

/** What only the engine may say of a task, under its seal. It saves a read: the message means the same without. */
const engineFields = {
  /** How `previousTaskId` ended. Only ever set after the ending was committed. */
  ending: z.strictObject({ status: TerminalStatusSchema, reason: ReasonSchema.nullable() }).optional(),
  /** Its parents have let it run. Without it, the parents are asked. */
  ready: z.literal(true).optional(),
  /**
   * See only to the children of this join from this one on: a message sees to `limits.childrenPerMessage` of them, and
   * leaves the others to the next.
   */
  rest: z.strictObject({ joinId: z.string(), from: z.int().positive() }).optional(),
  /**
   * Set by the sweeper and by replays: look again, whatever this process remembers of having done. With limits, a queue is looked
   * through first: what it holds already is not put there again.
   */
  redrive: z.literal(true).optional(),
};
export const engineFieldNames: ReadonlySet<string> = new Set(Object.keys(engineFields));

/** A task message between Baton's own handlers: it may carry what the sender knows. */
const TaskMessageSchema = z.strictObject({
  kind: z.literal("task"),
  ...PublicTaskMessageSchema.shape,
  ...engineFields,
});
export type TaskMessage = z.infer<typeof TaskMessageSchema>;

/** Start a TaskBatch by hand. The same key gives the same batch. */
export const StartMessageSchema = z.strictObject({
  kind: z.literal("start"),
  workflowId: NameSchema,
  input: JsonValueSchema.optional(),
  key: z.string().min(1).max(limits.startKeyCharacters).optional(),
});
export type StartMessage = z.infer<typeof StartMessageSchema>;

/** A file that has finished being written. */
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

/** Something that tasks of a batch may wait for has happened. */
export const EventMessageSchema = z.strictObject({
  kind: z.literal("event"),
  batchId: BatchIdSchema,
  event: EventNameSchema,
  payload: JsonValueSchema.optional(),
});
export type EventMessage = z.infer<typeof EventMessageSchema>;

/** Send a stored callback that is to be sent. */
export const CallbackMessageSchema = z.strictObject({
  kind: z.literal("callback"),
  callbackId: z.string().min(1),
});

/** Look for work that has lost its driver. */
export const SweepMessageSchema = z.strictObject({
  kind: z.literal("sweep"),
  /** Only these; absent: all. */
  part: z.enum(["batches", "callbacks"]).optional(),
  /** Only what comes after this one, which has been seen to with all before it. */
  after: z.string().optional(),
});
export type SweepMessage = z.infer<typeof SweepMessageSchema>;

/** Look whether the time of a schedule has come. */
export const TickMessageSchema = z.strictObject({ kind: z.literal("tick") });

/** Look at one batch anew, and publish what should be under way but is not. */
export const RedriveMessageSchema = z.strictObject({ kind: z.literal("redrive"), batchId: BatchIdSchema });

/** Everything that can arrive, whatever the transport. */
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

/** Lane of everything but running tasks: completions, starts, sweeps. No task can name it: `$` is in no name. */
export const CONTROL_QUEUE = "$control";

/** Lane of callbacks: a receiver that is slow to answer keeps nothing else waiting. */
export const CALLBACK_QUEUE = "$callbacks";

/** Two messages of the same key ask for the same thing. */
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
 * Whether the store's records alone suffice to make this message again, so that a broker beside the store need
 * not write it down: the sweep finds every task of a RUNNING batch that should run, every end that should be passed on,
 * and every callback that should be sent. A completion from outside exists only in its message, also one that tells nothing but
 * that its task has completed. Those of the engine say how it ended.
 */
export function isRedrivable(message: Message): boolean {
  if (message.kind === "task") return message.previousTaskId === undefined || message.ending !== undefined;
  return message.kind === "redrive" || message.kind === "callback";
}

/** Input of a workflow that is started by a file drop. */
export const FileDropped = z.object({
  bucket: z.string(),
  object: z.string(),
  generation: z.string(),
});
export type FileDropped = z.infer<typeof FileDropped>;

/** A place in a trace, by the ids of OpenTelemetry: 16 and 8 bytes in hexadecimal. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * The trace of a batch, and in it the span of the batch as a whole. They follow from its id, so that every process that
 * works on the batch knows them, and no message and no record has to carry them.
 */
export function batchTrace(batchId: string): SpanContext {
  const hash = createHash("sha256").update(batchId).digest("hex");
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

/** Attribute of a message, and header of a request, that carries the seal of its data. */
export const sealAttribute = "baton-seal";

/** What seals are made with. */
export interface SealKey {
  readonly secret: string;
  /** Names the deployment: two that share a secret do not believe each other. */
  readonly deployment: string;
}

/**
 * What shows that a message is one of Baton's own. Everybody who may publish to a topic can write what only the engine
 * should say, that the parents of a task have let it run for instance; a message with the seal is believed.
 */
export function computeSeal({ secret, deployment }: SealKey, data: Uint8Array): string {
  return createHmac("sha256", `baton message of ${deployment}: ${secret}`).update(data).digest("base64url");
}

/** Whether the seal was made with one of the keys: while secrets are exchanged, there are several. */
export function isSealed(keys: readonly SealKey[], data: Uint8Array, seal: string): boolean {
  const given = Buffer.from(seal, "base64url");
  return keys.some((key) => {
    const expected = Buffer.from(computeSeal(key, data), "base64url");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/**
 * How a task's ending reaches its children: by a message of its own, or by the delivery that ended the task.
 */
export const completionModes = ["published", "inline"] as const;
export type CompletionMode = (typeof completionModes)[number];
