import * as z from "zod";
import type { JsonObject, JsonValue } from "../core/values/json.ts";
import { isJsonObject } from "../core/values/json.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { type Content, type Html, html, nothing } from "./html.ts";

/** The part of a JSON Schema that becomes a form. */
const FieldSchema = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
});
type FieldSchema = z.infer<typeof FieldSchema>;

const ObjectSchema = z.object({
  type: z.literal("object"),
  properties: z.record(z.string(), z.unknown()),
  required: z.array(z.string()).default([]),
});

/** One field of the input. */
export interface InputField {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: FieldSchema;
}

/** Names of form fields for the input begin with it. */
const prefix = "in.";
const mostFields = 40;

/** The fields of an input, if its schema is an object. Undefined: its JSON is written by hand. */
export function inputFields({ inputSchema }: DeployedWorkflow): readonly InputField[] | undefined {
  if (!inputSchema) return undefined;
  const { data } = ObjectSchema.safeParse(jsonSchema(inputSchema));
  if (!data) return undefined;
  const fields = Object.entries(data.properties).map(([name, property]) => ({
    name,
    isRequired: data.required.includes(name),
    schema: FieldSchema.safeParse(property).data ?? {},
  }));
  return fields.length <= mostFields ? fields : undefined;
}

/** Undefined for a schema that JSON Schema can't express. */
function jsonSchema(schema: z.ZodType): unknown {
  try {
    return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  } catch {
    return undefined;
  }
}

/** The inputs of the form. `given`: the input of the run that it is filled from. */
export function inputForm(fields: readonly InputField[], given: JsonValue | undefined): Html {
  const values = given !== undefined && isJsonObject(given) ? given : {};
  return html`${fields.map((field) => formField(field, values[field.name]))}`;
}

function formField({ name, isRequired, schema }: InputField, given: JsonValue | undefined): Html {
  const { description, default: fallback } = schema;
  const hints: Content[] = [
    description,
    fallback === undefined ? (isRequired ? "required" : "optional") : `default ${JSON.stringify(fallback)}`,
  ].filter((hint) => hint !== undefined);
  return html`<label><span>${name}</span>${control(name, schema, given, isRequired && fallback === undefined)}
<small>${hints.map((hint, index) => [index > 0 ? " · " : nothing, hint])}</small></label>`;
}

function control(name: string, schema: FieldSchema, given: JsonValue | undefined, isRequired: boolean): Html {
  const required = isRequired ? html` required` : nothing;
  const text = given === undefined ? "" : typeof given === "string" ? given : JSON.stringify(given);
  const choices = schema.enum?.map(String) ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  if (choices)
    return html`<select name="${prefix}${name}"${required}><option value=""></option>
${choices.map((choice) => html`<option${choice === text ? html` selected` : nothing}>${choice}</option>`)}</select>`;
  if (schema.type === "number" || schema.type === "integer")
    return html`<input name="${prefix}${name}" inputmode="decimal" value="${text}"${required} autocomplete="off">`;
  if (schema.type === "string")
    return html`<input name="${prefix}${name}" value="${text}"${required} autocomplete="off"
 placeholder="${schema.format === "date" ? "YYYY-MM-DD" : ""}">`;
  const json = given === undefined ? "" : JSON.stringify(given, null, 2);
  return html`<textarea name="${prefix}${name}" rows="3" spellcheck="false"${required}>${json}</textarea>`;
}

/** The input that a form has. A field that was left empty is left out; `parse` reads the JSON of any other field. */
export function inputOfForm(
  fields: readonly InputField[],
  textOf: (name: string) => string | undefined,
  parse: (name: string) => JsonValue | undefined,
): JsonObject {
  const input: [string, JsonValue][] = [];
  for (const { name, schema } of fields) {
    const text = textOf(prefix + name);
    if (text === undefined) continue;
    const isText = schema.type === "string" || schema.enum?.some((choice) => choice === text);
    const value = isText ? text : parse(prefix + name);
    if (value !== undefined) input.push([name, value]);
  }
  return Object.fromEntries(input);
}
