import { expect, it } from "vitest";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import { FileDropped, fileDrop, workflow } from "../../src/index.ts";
import { testApp } from "../support/app.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function sales(pattern = "sales/**") {
  const said: { readonly level: string; readonly message: string; readonly fields: unknown }[] = [];
  const say = (level: string) => (message: string, fields?: unknown) =>
    void said.push({ level, message, fields });
  const logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const app = testApp({
    workflows: [workflow("sales", { input: FileDropped, on: [fileDrop(pattern)] }).task("take", () => 1)],
    around: (dependencies) => ({ ...dependencies, logger }),
  });
  const handler = createHttpHandler(app.deliveries, silent);
  const post = (object: string, generation = "1") =>
    handler({
      method: "POST",
      path: "/",
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify({ kind: "object", bucket: "inbox", object, generation })),
    });
  return { app, post, said };
}

it.each(["sales/", "sales/2026/", "sales/2026_$folder$", "sales/.a.csv.swp", "sales/a.csv.part"])(
  "nothing is started by what is no dropped file: %s",
  async (object) => {
    const { app, post, said } = sales();
    expect((await post(object)).status).toBe(200);
    expect(await app.engine.admin.list({})).toEqual([]);
    expect(said).toEqual([
      { level: "debug", message: "no workflow takes the file", fields: expect.objectContaining({ object }) },
    ]);
  },
);

it("the log reports a file that no workflow takes, and why", async () => {
  const { app, post, said } = sales("sales/*.csv");
  await post("sales/B.CSV");
  expect(await app.engine.admin.list({})).toEqual([]);
  expect(said).toEqual([
    {
      level: "info",
      message: "no workflow takes the file",
      fields: {
        bucket: "inbox",
        object: "sales/B.CSV",
        generation: "1",
        reason: expect.stringContaining("patterns are case-sensitive"),
      },
    },
  ]);
});

it("the log reports a drop that has started its batch before; another generation is another drop", async () => {
  const { app, post, said } = sales();
  await post("sales/a.csv", "1");
  await post("sales/a.csv", "1");
  expect((await app.engine.admin.list({})).length).toBe(1);
  expect(said.at(-1)).toEqual({
    level: "info",
    message: "the file has started this batch before",
    fields: expect.objectContaining({ object: "sales/a.csv", generation: "1" }),
  });
  await post("sales/a.csv", "2");
  expect((await app.engine.admin.list({})).length).toBe(2);
});
