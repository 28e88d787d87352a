import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Running } from "../../support/command.ts";
import { DeployPlace } from "../deploy-place.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Tabs, single quotes, no semicolons, long lines, `any`, `!`, an enum, a namespace and properties in a constructor. */
const levels = `import { http, workflow } from 'baton-dag'
import { double } from '../lib/numbers.js'

export enum Level { Low = 1, High }

namespace Names {
\texport const of = (level: Level) => Level[level]!.toLowerCase()
}

class Reading {
\tconstructor(private readonly value: any, public level: Level = Level.High) {}
\tget text() { console.log('read', this.value); return Names.of(this.level) + double(this.value) }
}

export default workflow('levels').task('read', () => new Reading(${"1 + ".repeat(60)}1, Level.High).text)
\t.task('fail', () => {
\t\tif (Level.Low < Level.High) throw new Error('too high')
\t}, { after: ['read'], retry: false })
\t.task('call', http({ url: 'http://127.0.0.1/' }), { after: ['read'] })
`;

/** Plain JavaScript. */
const plain = `import { workflow } from "baton-dag";
var greeting = "Hello"
export const plain = workflow("plain").task("greet", function () { return greeting + "!" })
`;

const files = {
  "workflows/levels.ts": levels,
  "workflows/plain.js": plain,
  "lib/numbers.js": "export function double(n) { var result = n * 2; return result == 0 ? 0 : result }\n",
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2024",
      module: "nodenext",
      types: ["node"],
      strict: true,
      allowJs: true,
      skipLibCheck: true,
      noEmit: true,
    },
    include: ["workflows"],
  }),
};

/** A project whose code is nothing like that of Baton, with the packages that npm would install. */
function project(): DeployPlace {
  const place = new DeployPlace({ files });
  mkdirSync(place.path("node_modules"));
  symlinkSync(root, place.path("node_modules/baton-dag"));
  symlinkSync(`${root}node_modules/typescript`, place.path("node_modules/typescript"));
  symlinkSync(`${root}node_modules/@types`, place.path("node_modules/@types"));
  return place;
}

/** In a process of its own: Vitest writes stacks itself, without the lines of a compiled file. */
function baton(place: DeployPlace, ...words: string[]) {
  const environment = { PATH: process.env.PATH ?? "" };
  const options = { folder: place.path("."), environment, input: "" };
  return Running.start(process.execPath, [`${root}bin/baton.js`, ...words], options).ended;
}

test("a project in another style passes the check, enums and plain JavaScript included", async () => {
  const { code, stdout } = await baton(project(), "check");
  expect(stdout).toMatch(/^ok {7}types\nok {7}workflows\nok {7}deployment$/m);
  expect(code).toBe(0);
});

test("its workflows run, and an error has the line of the file", async () => {
  const place = project();
  const plainRun = await baton(place, "run", "plain", "--json");
  expect(plainRun.json.tasks).toMatchObject([{ result: "Hello!" }]);
  const { json } = await baton(place, "run", "levels", "--json");
  expect(json.tasks[0]?.result).toBe("high122");
  const line = levels.split("\n").findIndex((text) => text.includes("too high")) + 1;
  // Baton's own frames have lines of their sources too, and are no place in the project.
  expect(JSON.stringify(json.tasks[2])).toContain("HTTP_ADDRESS_REFUSED");
  expect(JSON.stringify(json.tasks[2])).not.toContain(".ts:");
  expect(JSON.stringify(json.tasks[1])).toContain(`workflows/levels.ts:${line}:`);
});

test("its function gets JavaScript", async () => {
  const place = project();
  const { code, stderr } = await baton(place, "pack", "packed");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const packed = readFileSync(place.path("packed/workflows/levels.js"), "utf8");
  expect(packed).not.toMatch(/\benum\b|\bprivate\b|\bnamespace\b|: any\b/);
  expect(packed).toContain("too high");
});
