import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "@cdktf/hcl2json";
import * as z from "zod";

const folder = fileURLToPath(new URL("../../infra/", import.meta.url));

/** A block, its expressions as text: `${var.project}`. Blocks within it are lists. */
const BlockSchema = z.record(z.string(), z.unknown());
export type Block = z.infer<typeof BlockSchema>;

const one = z.tuple([BlockSchema]).transform(([block]) => block);
const kinds = z.record(z.string(), z.record(z.string(), one)).default({});
const VariableSchema = z.tuple([
  z.looseObject({
    description: z.string().default(""),
    type: z.string().optional(),
    default: z.unknown().optional(),
    validation: z.array(z.object({ condition: z.string(), error_message: z.string() })).default([]),
  }),
]);
type Variable = z.infer<typeof VariableSchema>[0];

const FileSchema = z.strictObject({
  terraform: z.array(BlockSchema).default([]),
  provider: z.record(z.string(), z.array(BlockSchema)).default({}),
  variable: z
    .record(
      z.string(),
      VariableSchema.transform(([variable]) => variable),
    )
    .default({}),
  locals: z.array(BlockSchema).default([]),
  data: kinds,
  resource: kinds,
  output: z.record(z.string(), one).default({}),
});

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly block: Block;
}

/** All files of `infra/`, as they are written: nothing is evaluated. */
export interface TerraformFiles {
  readonly texts: ReadonlyMap<string, string>;
  readonly settings: Block;
  readonly variables: Readonly<Record<string, Variable>>;
  readonly locals: Block;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, Block>>;
  /** The one resource of this address, such as `google_pubsub_topic.this`. Throws when there is none. */
  resource(address: string): Block;
}

export async function readTerraform(): Promise<TerraformFiles> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".tf"));
  const texts = new Map(names.map((name) => [name, readFileSync(`${folder}${name}`, "utf8")]));
  const files = await Promise.all(
    [...texts].map(async ([name, text]) => FileSchema.parse(await parse(name, text))),
  );
  const resources = files.flatMap(({ resource }) =>
    Object.entries(resource).flatMap(([type, named]) =>
      Object.entries(named).map(([name, block]) => ({ type, name, block })),
    ),
  );
  return {
    texts,
    settings: Object.assign({}, ...files.flatMap(({ terraform }) => terraform)),
    variables: Object.assign({}, ...files.map(({ variable }) => variable)),
    locals: Object.assign({}, ...files.flatMap(({ locals }) => locals)),
    resources,
    outputs: Object.assign({}, ...files.map(({ output }) => output)),
    resource(address) {
      const found = resources.find(({ type, name }) => `${type}.${name}` === address);
      if (!found) throw new Error(`There is no resource ${address}`);
      return found.block;
    },
  };
}

/** The only block of this kind within another. */
export function inner(block: Block, kind: string): Block {
  return one.parse(block[kind]);
}

/** An expression as the parser gives it. */
export function expression(text: string): string {
  return `\${${text}}`;
}
