import { expect, test } from "vitest";
import { infrastructureValues, withInfrastructureValues } from "../../scripts/infrastructure-values.ts";
import { readTerraform } from "./terraform-files.ts";

const { texts } = await readTerraform();
const named = new Set(
  [...texts.values()].flatMap((text) => [...text.matchAll(/# table: (\S+)$/gm)].map(([, name = ""]) => name)),
);

test("the files have the values of the tables: `npm run infra` writes them", () => {
  for (const [name, text] of texts) expect([name, withInfrastructureValues(text)]).toEqual([name, text]);
});

test("every number, form and role of the tables is in a file", () => {
  const isUsed = (name: string) => {
    const [, set] = /^roles?\.(\w+)/.exec(name) ?? [];
    // One role is written by itself, several as a list.
    return set === undefined ? named.has(name) : [...named].some((one) => one.split(".")[1] === set);
  };
  const unused = [...infrastructureValues.keys()].filter((name) => !isUsed(name));
  expect(unused).toEqual([]);
});

test("a changed value is written, and an unknown name is refused", () => {
  const line = (value: string, name: string) => `    max_attempts = ${value} # table: ${name}`;
  expect(withInfrastructureValues(line("7", "timers.maxAttempts"))).toBe(line("100", "timers.maxAttempts"));
  expect(() => withInfrastructureValues(line("7", "timers.attempts"))).toThrow("no value timers.attempts");
});
