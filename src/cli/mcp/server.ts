import { Writable } from "node:stream";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { shortJson } from "../../core/values/short-json.ts";
import { nearestName, truncate } from "../../core/values/text.ts";
import type { Session } from "../session.ts";
import { runTool } from "./tool-process.ts";
import type { Tool } from "./tools.ts";

export interface ToolServer {
  readonly version: string;
  readonly tools: readonly Tool[];
  /** Whether tools that change something may be called. */
  readonly allowsChanges: boolean;
}

const readOnlyText =
  "This server only reads. To run, retry or cancel batches, a person has to start it with --allow-changes.";
const instructions =
  "Baton runs workflows: graphs of tasks. A run of a workflow is a batch. Begin with `batches` and `show`: they give " +
  "the status, error and key of each task. `explain` says why the call of a key ran or did not, `dead-letters` lists " +
  "messages that could not be handled, and `workflows` lists the workflows with the next times of their schedules. " +
  "An error has a code, a message and a remedy. Long results are shortened: ask for one batch, or lower the limit.";

/** Serves the tools over standard input and output until the client closes its end or `stop` is aborted. */
export async function serveTools(session: Session, served: ToolServer, stop: AbortSignal): Promise<void> {
  const { tools, allowsChanges, version } = served;
  const server = new Server(
    { name: "baton", version },
    {
      capabilities: { tools: {} },
      instructions: allowsChanges ? instructions : `${instructions} ${readOnlyText}`,
    },
  );
  const closing = new AbortController();
  const turns = new Turns(limits.toolProcesses);
  const running = new Set<Promise<unknown>>();
  const usable = tools.filter(({ effect }) => allowsChanges || effect === "reads");
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: usable.map(listed) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const stopped = AbortSignal.any([signal, closing.signal]);
    const call = turns.take(() => callTool(served, params.name, params.arguments ?? {}, stopped));
    running.add(call);
    return call.finally(() => running.delete(call));
  });
  const input = session.input();
  const closed = new Promise<void>((resolve) => {
    input.once("end", resolve);
    input.once("close", resolve);
    stop.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.connect(new StdioServerTransport(input, outputOf(session)));
  if (!stop.aborted) await closed;
  closing.abort();
  await Promise.allSettled(running);
  await server.close();
}

/** The command's own standard output, which output of workflow files can't reach. */
function outputOf(session: Session): Writable {
  return new Writable({
    decodeStrings: false,
    write: (text: string | Buffer, _, done) => {
      session.print(String(text).replace(/\n$/, ""));
      done();
    },
  });
}

const InputSchemaSchema = z.looseObject({ type: z.literal("object") });

function listed({ name, description, effect, inputSchema }: Tool) {
  const annotations = { readOnlyHint: effect === "reads" };
  return { name, description, inputSchema: InputSchemaSchema.parse(inputSchema), annotations };
}

/** Errors are results too, so that the model reads their remedy. */
async function callTool(
  { tools, allowsChanges }: ToolServer,
  name: string,
  input: unknown,
  signal: AbortSignal,
): Promise<CallToolResult> {
  try {
    const tool = findTool(tools, name);
    if (!allowsChanges && tool.effect === "changes")
      throw new BatonError("USAGE", `The tool ${name} changes data`, { remedy: readOnlyText });
    const { json, notes } = await runTool(tool.words(input), signal);
    return resultOf(json, notes);
  } catch (thrown) {
    const error = thrown instanceof BatonError ? thrown : new BatonError("INTERNAL", errorMessage(thrown));
    const { code, message, remedy } = error;
    return resultOf({ error: { code, message, remedy } }, "");
  }
}

function findTool(tools: readonly Tool[], name: string): Tool {
  const tool = tools.find((known) => known.name === name);
  if (tool) return tool;
  const names = tools.map((known) => known.name);
  const nearest = nearestName(name, names);
  const question = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw new BatonError("USAGE", `There is no tool ${name}${question}`, {
    remedy: `Call one of these tools: ${names.join(", ")}.`,
  });
}

const FailedSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }),
});

function resultOf(json: JsonValue, notes: string): CallToolResult {
  const isError = FailedSchema.safeParse(json).success;
  const { text, isShortened } = shortJson(json, limits.toolResultCharacters);
  const shortenedNote = "The result was too long. Long lists and texts in it are cut.";
  // The notes of a failed command repeat its error.
  const said = [isShortened ? shortenedNote : "", isError ? "" : truncate(notes, limits.toolNotesCharacters)];
  const more = said.filter((note) => note !== "").join("\n");
  const content = [text, more]
    .filter((part) => part !== "")
    .map((part) => ({ type: "text" as const, text: part }));
  return { content, isError };
}

/** Bounds how much work runs at the same time. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
