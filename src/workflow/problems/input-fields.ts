import * as z from "zod";
import { FileDropped } from "../../core/messages.ts";
import { Scheduled } from "../../core/schedule/schedule.ts";
import { nearestName } from "../../core/values/text.ts";
import type { Trigger } from "../../core/workflow/trigger.ts";

/** The part of a JSON Schema that says which fields a value may have. */
const NodeSchema = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  prefixItems: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
});
type Node = z.infer<typeof NodeSchema>;

/** What is known about the input before a batch starts. */
export interface StaticInput {
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  readonly knownBy: "by its schema" | "as its triggers start it";
}

/** The input by the schema of the workflow, or without a schema by its triggers. */
export function staticInput(
  schema: z.ZodType | undefined,
  triggers: readonly Trigger[] = [],
): StaticInput | undefined {
  if (schema) return known(schema, "by its schema");
  const given = triggers.map(({ type }) => (type === "schedule" ? Scheduled : FileDropped));
  return given.length > 0 ? known(z.union(given), "as its triggers start it") : undefined;
}

/** Undefined for a zod schema that JSON Schema can't express. */
function known(schema: z.ZodType, knownBy: StaticInput["knownBy"]): StaticInput | undefined {
  try {
    return { jsonSchema: z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }), knownBy };
  } catch {
    return undefined;
  }
}

/** Why no input can have a value at the path; undefined if one may. */
export function missingInput(input: StaticInput | undefined, path: readonly string[]): string | undefined {
  return input && missingIn(input, input.jsonSchema, path, "the input");
}

function missingIn(
  root: StaticInput,
  written: unknown,
  path: readonly string[],
  holder: string,
): string | undefined {
  const [name, ...rest] = path;
  const node = resolved(root, written);
  if (name === undefined || !node) return undefined;
  const branches = node.anyOf ?? node.oneOf ?? node.allOf;
  if (branches) {
    const problems = branches.map((branch) => missingIn(root, branch, path, holder));
    return problems.includes(undefined) ? undefined : problems.find((problem) => problem !== undefined);
  }
  if (node.type === "object") return missingInObject(root, node, [name, ...rest], holder);
  if (node.type === "array") return missingInArray(root, node, [name, ...rest], holder);
  return node.type === undefined ? undefined : `${holder} is of type ${node.type}, which has no "${name}"`;
}

function missingInObject(
  root: StaticInput,
  { properties = {}, additionalProperties }: Node,
  [name = "", ...rest]: readonly string[],
  holder: string,
): string | undefined {
  if (Object.hasOwn(properties, name)) return missingIn(root, properties[name], rest, `"${name}"`);
  if (additionalProperties !== false) return missingIn(root, additionalProperties, rest, `"${name}"`);
  const names = Object.keys(properties);
  const meant = nearestName(name, names);
  const remedy = meant === undefined ? `it has ${names.join(", ") || "no fields"}` : `did you mean ${meant}?`;
  return `${root.knownBy}, ${holder} has no "${name}"; ${remedy}`;
}

function missingInArray(
  root: StaticInput,
  { prefixItems, items }: Node,
  [name = "", ...rest]: readonly string[],
  holder: string,
): string | undefined {
  if (name === "length") return undefined;
  if (!/^\d+$/.test(name))
    return `${holder} is a list: write a position, such as 0, in the place of "${name}"`;
  return missingIn(root, prefixItems?.[Number(name)] ?? items, rest, `an item of ${holder}`);
}

/** Undefined for a schema without fields. */
function resolved(root: StaticInput, written: unknown): Node | undefined {
  const node = NodeSchema.safeParse(written).data;
  if (node?.$ref === undefined) return node;
  const target = node.$ref
    .split("/")
    .slice(1)
    .reduce<unknown>(
      (place, key) => z.record(z.string(), z.unknown()).safeParse(place).data?.[key],
      root.jsonSchema,
    );
  return NodeSchema.safeParse(target).data;
}
