import { BatonError } from "../core/errors.ts";
import { encodeJson, type JsonValue } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import type { StoredResult } from "../core/records.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Assignment } from "../ports/task-runner.ts";

const bucket = "results";

/**
 * Puts what a task returned where it will be found: in the TaskLog, or, when it is large, in the object store, which
 * then has it before the TaskLog refers to it. Throws `TASK_RESULT_NOT_JSON`, `TASK_RESULT_TOO_LARGE`.
 */
export async function storeResult(
  objects: () => ObjectStore,
  assignment: Pick<Assignment, "batchId" | "task" | "attempt">,
  returned: unknown,
): Promise<StoredResult> {
  const encoded = encodeJson(returned);
  if (!encoded.ok)
    throw new BatonError(
      "TASK_RESULT_NOT_JSON",
      `The result is not JSON: ${encoded.path}: ${encoded.problem}`,
    );
  if (encoded.bytes > limits.resultBytes)
    throw new BatonError(
      "TASK_RESULT_TOO_LARGE",
      `The result has ${encoded.bytes} bytes; at most ${limits.resultBytes} are allowed`,
    );
  if (encoded.bytes <= limits.inlineResultBytes) {
    const value: JsonValue = encoded.text === "null" ? null : JSON.parse(encoded.text);
    return { value };
  }
  const object = `${assignment.batchId}/${assignment.task.id}/${assignment.attempt}.json`;
  await objects().write({ bucket, object }, Buffer.from(encoded.text), "application/json");
  return { bucket, object, bytes: encoded.bytes };
}
