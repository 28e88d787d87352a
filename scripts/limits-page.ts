// Writes docs/limits.md from the limits of the sources: each owner's `…Limits`, their comments and their values.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}docs/limits.md`;

const head = `# Limits

## The limits that you meet first

| limit | on your machine | on Google Cloud |
|---|---|---|
| one attempt of a task (\`timeout\`) | 58 minutes 20 seconds | 8 minutes 30 seconds: the timeout of the function, \`BATON_FUNCTION_TIMEOUT\`, less 30 seconds |
| a wait: sleep, poll, event | no limit | no limit |
| a wait for a completion | 30 days | 30 days |
| input of a batch | 512 KiB | 512 KiB |
| result of a task | 32 MiB | 32 MiB |
| tasks in a workflow | 20,000 | 20,000 |
| stored batches | your disk | 400 days (\`BATON_RETENTION\`) |
| machines | one for a data folder | many |

\`baton validate\` and \`baton deploy\` warn of a timeout that is longer than the cloud allows. Longer work runs
elsewhere: start it, then wait for it with [\`step.poll\` or an event](steps.md#waiting), which hold no worker.

## All limits

Every limit that a user or another process can meet, with the file that owns it. A limit is not a setting: if a
variable or an option changes it, the page of that option says so. \`npm run limits\` writes this page from the sources.
`;

/** A file with limits. */
interface Owner {
  readonly file: string;
  readonly about: string;
  readonly name: string;
  readonly body: string;
}

/** The text of the page. Throws if the first limit of an owner has no comment. */
export async function limitsPage(): Promise<string> {
  const owners = globSync("src/**/*.ts", { cwd: root }).sort().flatMap(readOwner);
  const sections = await Promise.all(owners.map(renderSection));
  return `${head}\n${sections.join("\n")}`;
}

function readOwner(file: string): Owner[] {
  const text = readFileSync(`${root}${file}`, "utf8");
  const [, about, name, body] = declaration.exec(text) ?? [];
  if (about === undefined || name === undefined || body === undefined) return [];
  return [{ file, about: plainText(about), name, body }];
}

const declaration =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (limits|\w+Limits) = \{\n([\s\S]*?)\n\} as const;/;

async function renderSection({ file, about, name, body }: Owner): Promise<string> {
  const values = ModuleSchema.parse({ ...(await import(`${root}${file}`)) })[name] ?? {};
  const rows = parseEntries(file, body).map(
    ([key, meaning]) => `| \`${key}\` | ${formatValue(key, values[key])} | ${meaning} |`,
  );
  const title = file.replace(/^src\//, "").replace(/\.ts$/, "");
  return `## ${title}\n\n${wrapLines(about)}\n\n| limit | value | meaning |\n|---|---|---|\n${rows.join("\n")}\n`;
}

const ModuleSchema = z.record(z.string(), z.record(z.string(), z.unknown()).optional().catch(undefined));

/** Each key with its comment. A key without a comment shares the comment of the key above it. */
function parseEntries(file: string, body: string): [string, string][] {
  const entries: [string, string][] = [];
  let meaning: string | undefined;
  const pattern = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/|^ {2}(\w+):/gm;
  for (const [, comment, key] of body.matchAll(pattern)) {
    if (comment !== undefined) meaning = plainText(comment);
    else if (meaning === undefined) throw new Error(`${file}: the limit ${key} has no comment`);
    else if (key !== undefined) entries.push([key, meaning]);
  }
  return entries;
}

function plainText(comment: string): string {
  return comment
    .replace(/^[ \t]*\*?[ \t]?/gm, "")
    .replace(/^@public .*$/m, "")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}

interface Unit {
  readonly of: RegExp;
  readonly base: string;
  readonly larger: readonly (readonly [number, string])[];
}

/** Lines of at most 120 characters. */
function wrapLines(text: string): string {
  return text.replace(/(?=.{121})(.{1,120}) /g, "$1\n");
}

const units: readonly Unit[] = [
  {
    of: /Seconds$/,
    base: "seconds",
    larger: [
      [86_400, "days"],
      [3_600, "hours"],
      [60, "minutes"],
    ],
  },
  { of: /Ms$/, base: "milliseconds", larger: [[1_000, "seconds"]] },
  {
    of: /Bytes$/,
    base: "bytes",
    larger: [
      [1024 ** 2, "MiB"],
      [1024, "KiB"],
    ],
  },
];

function formatValue(key: string, value: unknown): string {
  if (typeof value !== "number") return `\`${JSON.stringify(value)}\``;
  const unit = units.find(({ of }) => of.test(key));
  if (unit === undefined) return value.toLocaleString("en");
  const whole = unit.larger.find(([size]) => value >= size && value % size === 0);
  const [size, name] = whole ?? [1, unit.base];
  const count = value / size;
  return `${count.toLocaleString("en")} ${count === 1 ? name.replace(/s$/, "") : name}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await limitsPage());
