import * as z from "zod";
import { BatonError, messageOf } from "../core/errors.ts";
import { encodeJson, type JsonValue, JsonValueSchema } from "../core/json.ts";

/**
 * How a workflow reads its input. What comes out is JSON, since it is stored with the TaskBatch.
 * The function throws `INPUT_INVALID`.
 */
export function parseInputWith(
  schema: z.ZodType | undefined,
  workflowId: string,
): (input: JsonValue) => JsonValue {
  if (!schema) return (input) => input;
  const invalid = (problem: string, cause?: unknown) =>
    new BatonError("INPUT_INVALID", problem, { where: `input of workflow "${workflowId}"`, cause });
  return (input) => {
    const parsed = parse(schema, input, invalid);
    if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
    const encoded = encodeJson(parsed.data);
    if (!encoded.ok) throw invalid(`The schema's output is not JSON: ${encoded.path}: ${encoded.problem}`);
    return JsonValueSchema.parse(JSON.parse(encoded.text));
  };
}

/** The schema is the author's: it may throw by itself, or be asynchronous, which zod refuses with an error. */
function parse(
  schema: z.ZodType,
  input: JsonValue,
  invalid: (problem: string, cause: unknown) => BatonError,
): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(input);
  } catch (error) {
    throw invalid(`The input schema throws: ${messageOf(error)}`, error);
  }
}
