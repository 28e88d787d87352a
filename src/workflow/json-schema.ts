import * as z from "zod";
import { type JsonObject, JsonObjectSchema, type JsonValue } from "../core/values/json.ts";
import { type TaskTypes, TriggersSchema, WorkflowHeadSchema } from "./data-workflow.ts";
import { TaskInputSchema } from "./task-schema.ts";

/** Text that a placeholder makes valid wherever a parameter takes another value. */
const placeholder: JsonObject = { type: "string", pattern: "\\{\\{.*\\}\\}" };

/**
 * The JSON Schema of workflow files for these task types, as draft 7, which editors read. It is made of the schemas
 * that read the files. What only code can check, such as the ids in `after`, is left to `baton validate`.
 */
export function workflowJsonSchema(types: TaskTypes): JsonObject {
  const { properties: head, required } = objectSchema(WorkflowHeadSchema);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Workflow of Baton",
    type: "object",
    properties: {
      ...head,
      on: describe(toJson(TriggersSchema), "What starts a batch without a person"),
      tasks: {
        type: "array",
        minItems: 1,
        items: { $ref: "#/definitions/task" },
        description: "In any order",
      },
    },
    required: [...(Array.isArray(required) ? required : []), "tasks"],
    additionalProperties: false,
    definitions: { task: taskSchema(types) },
  };
}

/** A task whose parameters are those of its type. */
function taskSchema(types: TaskTypes): JsonObject {
  const { properties, ...rest } = objectSchema(TaskInputSchema);
  const { retry = {}, idempotency = {} } = properties;
  const all = [...types.values()];
  return {
    ...rest,
    properties: {
      ...properties,
      with: { type: "object", ...JsonObjectSchema.parse(properties.with) },
      // Short forms, which the schemas rewrite before they read them.
      retry: orLiteral(false, retry),
      idempotency: orLiteral(true, idempotency),
      type: {
        description: "What the task does",
        oneOf: all.map(({ type, summary }) => ({
          const: type,
          ...(summary !== "" && { description: summary }),
        })),
      },
    },
    allOf: all.map((type) => {
      const parameters = parametersSchema(type);
      const isNeeded = Array.isArray(parameters.required) && parameters.required.length > 0;
      return {
        if: { properties: { type: { const: type.type } }, required: ["type"] },
        // biome-ignore lint/suspicious/noThenProperty: JSON Schema names it so.
        then: { properties: { with: parameters }, ...(isNeeded && { required: ["with"] }) },
      };
    }),
  };
}

/** The schema of a type's parameters, in which each value may be a placeholder. */
function parametersSchema({ parameters }: { readonly parameters: z.ZodType }): JsonObject {
  const schema = objectSchema(parameters);
  return JsonObjectSchema.parse(withPlaceholders(schema, true));
}

function withPlaceholders(value: JsonValue, isRoot = false): JsonValue {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const schema = JsonObjectSchema.parse(value);
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, part]) => [key, key in nested ? (nested[key]?.(part) ?? part) : part]),
  );
  if (isRoot || acceptsAnyText(schema)) return inner;
  const { description, default: preset, ...rest } = inner;
  return {
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    anyOf: [rest, placeholder],
  };
}

const each = (parts: JsonValue): JsonValue =>
  Array.isArray(parts) ? parts.map((part) => withPlaceholders(part, true)) : parts;
const values = (parts: JsonValue): JsonValue =>
  Object.fromEntries(
    Object.entries(JsonObjectSchema.parse(parts)).map(([key, part]) => [key, withPlaceholders(part)]),
  );

/** Where a schema holds others. */
const nested: Readonly<Record<string, (part: JsonValue) => JsonValue>> = {
  properties: values,
  items: (part) => withPlaceholders(part),
  additionalProperties: (part) => withPlaceholders(part),
  anyOf: each,
  oneOf: each,
  allOf: each,
};

/** Whether a text with a placeholder passes the schema as it is. */
function acceptsAnyText(schema: JsonObject): boolean {
  const { type, enum: names, const: value, pattern, maxLength } = schema;
  if (type === undefined) return schema.anyOf === undefined && schema.oneOf === undefined;
  return type === "string" && [names, value, pattern, maxLength].every((limit) => limit === undefined);
}

function orLiteral(value: boolean, schema: JsonValue): JsonObject {
  const { description = "", ...object } = JsonObjectSchema.parse(schema);
  // yaml-language-server 1.18 refuses a boolean that `const` or `enum` names.
  return { description, anyOf: [{ type: "boolean", not: { const: !value } }, object] };
}

function objectSchema(schema: z.ZodType): JsonObject & { readonly properties: JsonObject } {
  const converted = toJson(schema);
  return { ...converted, properties: JsonObjectSchema.parse(converted.properties ?? {}) };
}

function toJson(schema: z.ZodType): JsonObject {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // Alternatives that no file can write, such as a function, accept anything: leave them out.
      const { anyOf } = jsonSchema;
      if (anyOf) jsonSchema.anyOf = anyOf.filter((one) => Object.keys(one).length > 0);
    },
  });
  return JsonObjectSchema.parse(JSON.parse(JSON.stringify(converted)));
}

function describe(schema: JsonObject, description: string): JsonObject {
  return { description, ...schema };
}
