import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const noteType = `import { appendFileSync } from "node:fs";
import { defineTaskType } from "baton-dag";
import * as z from "zod";

export const noteDown = defineTaskType({
  type: "noteDown",
  summary: "Writes a line into a file",
  parameters: z.strictObject({
    file: z.string(),
    line: z.string(),
    times: z.int().min(1).default(1),
    token: z.string().optional(),
  }),
  secretParameters: ["token"],
  run({ attempt }, { file, line, times, token = "" }, secrets) {
    for (let count = 0; count < times; count += 1) appendFileSync(file, line + secrets.reveal(token) + "\\n");
    return { attempt, lines: times };
  },
});
`;

const inCode = `import { workflow } from "baton-dag";
import { noteDown } from "./types/note-down.ts";

export default workflow("in-code")
  .task("note", noteDown({ file: "notes.txt", line: "{{ input.day }}", times: 2 }))
  .task("check", async ({ parent }) => (await parent("note")).lines, { after: ["note"] });
`;

const inData = `workflow: in-data
tasks:
  - id: note
    type: noteDown
    with: { file: notes.txt, line: "{{ input.day }} ", times: "{{ input.times }}", token: "{{ secrets.NOTES }}" }
`;

function resultsOf({ json }: { readonly json: { readonly tasks: readonly { readonly result: unknown }[] } }) {
  return json.tasks.map(({ result }) => result);
}

test("a task type of the project runs in a workflow of code, in YAML and in an applied workflow", async () => {
  const place = new Workplace(
    // In the order of their names, the file with the type is the last.
    { "a.yaml": inData, "b.ts": inCode, "types/note-down.ts": noteType },
    { BATON_TASK_SECRET_NOTES: "hush" },
  );
  expect(await place.baton(["validate"])).toMatchObject({ code: 0, stdout: "valid: in-data, in-code\n" });
  expect(await place.baton(["validate", "workflows/a.yaml"])).toMatchObject({ code: 0 });
  const ofCode = await place.baton(["run", "in-code", "--input", '{"day":"Monday"}', "--json"]);
  expect(resultsOf(ofCode)).toEqual([{ attempt: 1, lines: 2 }, 2]);
  const ofData = await place.baton(["run", "in-data", "--input", '{"day":"Tuesday","times":1}', "--json"]);
  expect(resultsOf(ofData)).toEqual([{ attempt: 1, lines: 1 }]);
  place.write("later.yaml", inData.replace("in-data", "later"));
  expect(await place.baton(["apply", "later.yaml"])).toMatchObject({ code: 0 });
  const ofApplied = await place.baton(["run", "later", "--input", '{"day":"Friday","times":1}', "--json"]);
  expect(ofApplied.json.status).toBe("SUCCESS");
  expect(readFileSync(place.path("notes.txt"), "utf8")).toBe("Monday\nMonday\nTuesday hush\nFriday hush\n");
});

test("validate checks parameters of such a type against its schema, in code and in YAML", async () => {
  const wrong = inData.replace("times:", "tims:").replace('"{{ input.day }} "', '"{{ input.day }"');
  const place = new Workplace({
    "types/note-down.ts": noteType,
    "a.yaml": wrong,
    "b.ts": inCode.replace("times: 2", "times: 0"),
    "c.yaml": inData.replace("in-data", "c").replace("{{ input.day }} ", "{{ secrets.NOTES }}"),
  });
  const { code, json } = await place.baton(["validate", "--json"]);
  expect(code).toBe(1);
  expect(json.problems).toMatchObject([
    { code: "TASK_PARAMETERS_INVALID", where: expect.stringContaining('a.yaml:5, task "note", with.tims') },
    { code: "TEMPLATE_INVALID", message: expect.stringContaining("is not closed") },
    { code: "TASK_PARAMETERS_INVALID", where: expect.stringMatching(/b\.ts:5:\d+$/) },
    { code: "TEMPLATE_INVALID", where: expect.stringContaining('c.yaml:5, task "note", with.line') },
  ]);
});

test("two types of one name, and a type with the name of a built-in, are problems", async () => {
  const place = new Workplace({
    "one.ts": noteType,
    "two.ts": noteType,
    "three.ts": noteType.replace('type: "noteDown"', 'type: "http"'),
  });
  expect((await place.baton(["validate", "--json"])).json.problems).toMatchObject([
    { code: "TASK_TYPE_DUPLICATE", where: place.path("workflows/two.ts") },
    { code: "NAME_INVALID", message: expect.stringContaining('"http" is the name of a task type of Baton') },
  ]);
});

test("a type that no file exports is unknown", async () => {
  const place = new Workplace({ "a.yaml": inData });
  const { code, json } = await place.baton(["validate", "--json"]);
  expect(code).toBe(1);
  expect(json.problems).toMatchObject([
    { code: "TASK_TYPE_UNKNOWN", message: expect.stringContaining("noteDown") },
  ]);
});
