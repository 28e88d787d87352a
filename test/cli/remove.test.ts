import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { askYaml, helloFiles } from "../support/command-workflows.ts";

const oftenYaml = `workflow: often
on: [{ schedule: "* * * * *", missed: catch_up }]
tasks:
  - { id: one, type: runQuery, with: { sql: SELECT 1 AS one, into: ones } }
  - { id: two, type: runQuery, with: { sql: SELECT 2 AS two, into: twos }, after: [one] }
`;

test("remove deletes an applied workflow; its running batch continues", async () => {
  const place = new Workplace(helloFiles);
  place.write("often.yaml", oftenYaml);
  await place.baton(["apply", "often.yaml"]);
  const { json: batch } = await place.baton(["run", "often", "--detach", "--json"]);
  expect(await place.baton(["remove", "often"])).toMatchObject({
    code: 0,
    stdout: "removed often; its running batches keep their definition\n",
  });
  expect((await place.baton(["workflows", "--json"])).list.map(({ workflowId }) => workflowId)).toEqual([
    "hello",
  ]);
  expect(await place.baton(["run", "often", "--json"])).toMatchObject({
    code: 2,
    json: { error: { code: "WORKFLOW_UNKNOWN" } },
  });
  await place.server();
  await expect
    .poll(async () => (await place.baton(["show", batch.batchId, "--json"])).json.status)
    .toBe("SUCCESS");
  await place.baton(["apply", "often.yaml"]);
  expect((await place.baton(["remove", "often", "--json"])).json).toEqual({
    removed: true,
    workflowId: "often",
    inFolder: false,
    needs: {},
  });
});

test("a running server starts it no more", async () => {
  const place = new Workplace(helloFiles);
  place.write("ask.yaml", askYaml);
  const server = await place.server();
  const start = () =>
    fetch(server.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ workflowId: "ask" }),
    });
  const lettersOf = async () => (await place.baton(["dead-letters", "--json"])).list;
  await place.baton(["apply", "ask.yaml"]);
  await start();
  expect(await lettersOf()).toEqual([]);
  await place.baton(["remove", "ask"]);
  await start();
  const batches = await place.baton(["batches", "--workflow", "ask", "--json"]);
  expect(batches.list).toHaveLength(1);
});

test("a workflow of a file can't be removed, and stays when an applied one of its name is removed", async () => {
  const place = new Workplace({ "ask.yaml": askYaml });
  const refused = await place.baton(["remove", "ask", "--json"]);
  expect(refused).toMatchObject({ code: 2, json: { error: { code: "WORKFLOW_UNKNOWN" } } });
  expect(refused.stderr).toContain("delete the file");
  await place.baton(["apply", "workflows/ask.yaml"]);
  const removed = await place.baton(["remove", "ask"]);
  expect(removed.stdout).toContain("A file in the folder has a workflow ask too");
  const { stdout, stderr } = await place.baton(["workflows"]);
  expect(stdout).toMatch(/^ask +2$/m);
  expect(stderr).toBe("");
});

test("an unknown workflow is reported with the applied ones, also without a folder of workflows", async () => {
  const place = new Workplace({});
  place.write("often.yaml", oftenYaml);
  await place.baton(["apply", "often.yaml"]);
  const environment = { BATON_WORKFLOWS: place.path("nowhere") };
  const { code, stderr } = await place.baton(["remove", "oftens"], { environment });
  expect(code).toBe(2);
  expect(stderr).toContain(
    'No workflow "oftens" was applied; the applied workflows are: often; did you mean often?',
  );
  expect(stderr).toMatch(/^what to do: .*baton apply/m);
  expect((await place.baton(["remove", "often"], { environment })).code).toBe(0);
});
