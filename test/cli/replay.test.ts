import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const code = "WORKFLOW_UNKNOWN";

const later = 'import { workflow } from "baton-dag";\nexport default workflow("later").task("t", () => 1);\n';

/** A place with dead letters: three that name missing workflows, and one with an invalid input. */
async function withDeadLetters() {
  const place = new Workplace({});
  const server = await place.server();
  const post = async (body: string) => {
    const answer = await fetch(server.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return String((await answer.json()).deadLetterId);
  };
  const unknown = [];
  for (const key of ["1", "2", "3"]) unknown.push(await post(JSON.stringify({ workflowId: "later", key })));
  const other = await post("no json");
  server.signal("SIGTERM");
  await server.ended;
  return { place, unknown, other };
}

test("all dead letters of a code are published again, the oldest first, each once", async () => {
  const { place, unknown, other } = await withDeadLetters();
  const early = await place.baton(["replay", unknown[1] ?? ""]);
  expect(early).toMatchObject({ code: 2, stdout: "" });
  expect(early.stderr).toContain('error WORKFLOW_UNKNOWN: There is no workflow "later"');
  const none = await place.baton(["replay", "--code", code, "--json"]);
  expect(none).toMatchObject({
    code: 1,
    json: { replayed: [], failed: unknown.map(() => ({ error: { code } })) },
  });
  place.write("workflows/later.ts", later);
  const first = await place.baton(["replay", unknown[1] ?? ""]);
  expect(first).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Published again: it starts batch"),
  });
  const all = await place.baton(["replay", "--code", code, "--json"]);
  expect(all).toMatchObject({
    code: 0,
    json: {
      code,
      replayed: [
        { deadLetterId: unknown[0], message: { workflowId: "later", key: "1" } },
        { deadLetterId: unknown[2], message: { workflowId: "later", key: "3" } },
      ],
      failed: [],
    },
  });
  expect(all.stderr).toContain(`1 of 2: ${unknown[0]} published again: it starts batch`);
  const letters = await place.baton(["dead-letters", "--json"]);
  expect(letters.list.filter((letter) => "replayedAt" in letter && letter.replayedAt === null)).toMatchObject(
    [{ deadLetterId: other }],
  );
  const twice = await place.baton(["replay", unknown[1] ?? "", "--json"]);
  expect(twice.json).toMatchObject({ batches: [{ status: null }] });
  const again = await place.baton(["replay", "--code", code]);
  expect(again).toMatchObject({ code: 0, stdout: `0 of 0 dead letters ${code} published again.\n` });
});

test("a dead letter that can't be published does not stop the others, and the exit code is 1", async () => {
  const { place, other } = await withDeadLetters();
  const { code: exitCode, stdout, json } = await place.baton(["replay", "--code", "BODY_NOT_JSON", "--json"]);
  expect(stdout).not.toBe("");
  expect(exitCode).toBe(1);
  expect(json).toMatchObject({
    replayed: [],
    failed: [{ deadLetterId: other, error: { code: "BODY_NOT_JSON" } }],
  });
  const output = await place.baton(["replay", "--code", "BODY_NOT_JSON"]);
  expect(output.stdout).toContain("0 of 1 dead letters BODY_NOT_JSON published again, 1 not");
});

test("an unknown code, and neither or both of id and code, are wrong usage", async () => {
  const place = new Workplace({});
  for (const parameters of [
    ["replay"],
    ["replay", "some-id", "--code", code],
    ["replay", "--code", "NO_SUCH"],
  ]) {
    const { code: exitCode, stderr } = await place.baton(parameters);
    expect([parameters, exitCode]).toEqual([parameters, 2]);
    expect(stderr).toContain("error USAGE");
  }
});
