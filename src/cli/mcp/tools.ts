import type { Argument, Command, Option } from "commander";
import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";

type Effect = "reads" | "changes";

/** The commands that are tools. All others are for people at a terminal, for deployments, or delete for good. */
const effects: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ["batches", "reads"],
  ["show", "reads"],
  ["inspect", "reads"],
  ["explain", "reads"],
  ["dead-letters", "reads"],
  ["workflows", "reads"],
  ["graph", "reads"],
  ["validate", "reads"],
  ["run", "changes"],
  ["retry", "changes"],
  ["cancel", "changes"],
  ["complete", "changes"],
  ["event", "changes"],
  ["replay", "changes"],
  ["resend", "changes"],
  ["unlock", "changes"],
  ["clear-result", "changes"],
]);

/** Not part of the input: what the server gives itself, and what concerns files only. */
const leftOut: ReadonlySet<string> = new Set(["json", "help", "path", "redact"]);
/** A path may lead out of the project, and a command that reads data would write a file there. */
const takesPath = /<(?:file|folder)>/;
/** Options that may be given several times. */
const repeated: ReadonlySet<string> = new Set(["field"]);

/** A command as a tool of an agent. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  /** JSON Schema of its input. */
  readonly inputSchema: z.core.JSONSchema.BaseSchema;
  /** The words of the command for an input. Throws `USAGE`. */
  words(input: unknown): string[];
}

/** The commands of the program that are tools, each with the arguments and options of the command. */
export function toolsOf(program: Command): Tool[] {
  return program.commands.flatMap((command) => {
    const effect = effects.get(command.name());
    return effect === undefined ? [] : [toolOf(command, effect)];
  });
}

function toolOf(command: Command, effect: Effect): Tool {
  const parameters = command.registeredArguments.filter((argument) => !leftOut.has(argument.name()));
  const options = command.options.filter(
    (option) => !leftOut.has(option.attributeName()) && !takesPath.test(option.flags),
  );
  const schema = z.strictObject({
    ...Object.fromEntries(parameters.map((parameter) => [parameter.name(), parameterSchema(parameter)])),
    ...Object.fromEntries(options.map((option) => [option.attributeName(), optionSchema(option).optional()])),
  });
  const name = command.name();
  return {
    name,
    description: sentence(command.description()),
    effect,
    inputSchema: z.toJSONSchema(schema, { io: "input" }),
    words: (input) => {
      const given: Readonly<Record<string, unknown>> = parseInput(name, schema, input);
      const positional = parameters.flatMap((parameter) => given[parameter.name()] ?? []).map(String);
      const named = options.flatMap((option) => optionWords(option, given[option.attributeName()]));
      return [name, ...named, "--json", "--", ...positional];
    },
  };
}

function parameterSchema(parameter: Argument): z.ZodType {
  const schema = described(choicesSchema(parameter.argChoices), parameter.description);
  return parameter.required ? schema : schema.optional();
}

function optionSchema(option: Option): z.ZodType {
  const { description, defaultValue } = option;
  const withDefault = defaultValue === undefined ? description : `${description} (default: ${defaultValue})`;
  return described(optionType(option), withDefault);
}

function optionType(option: Option): z.ZodType {
  if (option.isBoolean()) return z.boolean();
  if (isJson(option)) return z.json();
  if (/<(?:number|n)>/.test(option.flags)) return z.int();
  return repeated.has(option.attributeName()) ? z.array(z.string()) : choicesSchema(option.argChoices);
}

function choicesSchema(choices: readonly string[] | undefined): z.ZodType {
  return choices ? z.enum(choices) : z.string();
}

function described(schema: z.ZodType, description: string): z.ZodType {
  return schema.describe(sentence(description));
}

function isJson(option: Option): boolean {
  return option.flags.includes("<json");
}

/** With `=`, a value that begins with a dash is no option. JSON never begins with `@`, which would read a file. */
function optionWords(option: Option, value: unknown): string[] {
  if (value === undefined || value === false) return [];
  if (value === true && option.isBoolean()) return [option.long ?? ""];
  if (isJson(option)) return [`${option.long}=${JSON.stringify(value)}`];
  return (Array.isArray(value) ? value : [value]).map((item) => `${option.long}=${item}`);
}

function parseInput<Input>(name: string, schema: z.ZodType<Input>, input: unknown): Input {
  const { data, error } = schema.safeParse(input);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
  throw new BatonError("USAGE", `The input of the tool ${name} is not valid: ${problems.join("; ")}`, {
    remedy: "Correct the input by the schema of the tool.",
  });
}

function sentence(text: string): string {
  const end = /[.?!]$/.test(text) ? "" : ".";
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${end}`;
}
