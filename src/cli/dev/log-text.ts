import * as z from "zod";
import { oneLine, timeOfDay } from "../output/text.ts";

/** A line of the log. */
const LineSchema = z.looseObject({
  severity: z.string(),
  time: z.string(),
  message: z.string(),
  batchId: z.string().optional(),
  taskId: z.string().optional(),
  stack_trace: z.string().optional(),
});

/** Lines of the engine that the feed of batches shows in its own words. A line of a task has a task. */
const ofBatches: ReadonlySet<string> = new Set(["batch started", "batch ended", "batch failed"]);
const mostFrames = 5;

/** A line of the log for people; undefined for one that is shown elsewhere. */
export function logText(line: string): string | undefined {
  const { data } = LineSchema.safeParse(parseJson(line));
  if (!data) return line.trimEnd();
  const { severity, time, message, batchId, taskId, stack_trace: stack = "", ...others } = data;
  const isOfRunner = message === "attempt failed" && others.code !== undefined;
  if (isOfRunner || (ofBatches.has(message) && taskId === undefined)) return undefined;
  const fields = Object.entries(others).filter(
    ([name]) => name !== "attempt" && !name.startsWith("logging."),
  );
  const shown = fields.map(([name, value]) => `${name}=${oneLine(JSON.stringify(value))}`);
  const words = [
    timeOfDay(time),
    owner(batchId, taskId),
    severity === "INFO" ? "" : `${severity.toLowerCase()}:`,
    oneLine(message),
    ...shown,
  ];
  return [words.filter((word) => word !== "").join("  "), ...framesOf(stack)].join("\n    ");
}

function framesOf(stack: string): string[] {
  const frames = stack.split("\n").filter((text) => /^\s+at /.test(text) && !text.includes("node:internal"));
  return frames.slice(0, mostFrames).map(oneLine);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whose output a line is. */
export function owner(batchId: string | undefined, taskId: string | undefined): string {
  return [batchId, taskId].filter((name) => name !== undefined).join(" ");
}
