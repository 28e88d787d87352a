import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { until, Workplace } from "../../support/command.ts";
import { gated } from "../../support/command-workflows.ts";

/** Longer than any test: a test that waits for it fails. */
const longLease = { BATON_LEASE: "10m" };

describe("a long task and a signal", () => {
  test("SIGTERM: the task is released; the next start runs attempt 2 without waiting for the lease", async () => {
    const place = new Workplace({ "gated.ts": gated }, longLease);
    const server = await place.server();
    const { json } = await place.baton(["run", "gated", "--detach", "--json"]);
    await until(() => existsSync(place.path("seen")));
    server.signal("SIGTERM");
    expect((await server.ended).code).toBe(0);
    const between = await place.baton(["show", json.batchId, "--json"]);
    expect(between.json.tasks[0]).toMatchObject({ status: "WAITING", reason: "released", attempts: 1 });
    place.write("gate", "");
    await place.server();
    await until(async () => (await place.baton(["show", json.batchId, "--json"])).json.status === "SUCCESS");
    expect(readFileSync(place.path("seen"), "utf8")).toBe("began 1\naborted 1\nbegan 2\n");
    const after = await place.baton(["show", json.batchId, "--json"]);
    expect(after.json.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2, result: 2 });
  });

  test("Ctrl-C in run: says how the batch continues, and it does", async () => {
    const place = new Workplace({ "gated.ts": gated }, longLease);
    const running = place.spawn(["run", "gated", "--json"]);
    await until(() => existsSync(place.path("seen")));
    running.signal("SIGINT");
    // A terminal and a launcher both pass it on.
    await running.saysError("Stopping");
    running.signal("SIGINT");
    const { code, json, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(json).toMatchObject({ status: "RUNNING", tasks: [{ status: "WAITING", reason: "released" }, {}] });
    expect(stderr).toContain("`baton start` continues it");
    place.write("gate", "");
    await place.server();
    await until(async () => (await place.baton(["show", json.batchId, "--json"])).json.status === "SUCCESS");
  });

  test("a task that ends within the grace period is not released", async () => {
    const place = new Workplace({ "gated.ts": gated }, longLease);
    const running = place.spawn(["run", "gated"]);
    await until(() => existsSync(place.path("seen")));
    running.signal("SIGTERM");
    await running.saysError("Stopping");
    place.write("gate", "");
    const { code, stdout } = await running.ended;
    expect(code).toBe(143);
    expect(stdout).toMatch(/^wait +SUCCESS +1 /m);
  });

  test("a second signal ends it at once", async () => {
    const place = new Workplace({ "gated.ts": gated }, longLease);
    const server = await place.server();
    await place.baton(["run", "gated", "--detach"]);
    await until(() => existsSync(place.path("seen")));
    server.signal("SIGTERM");
    await server.saysError("Stopping");
    server.signal("SIGINT");
    expect((await server.ended).code).toBe(130);
    expect(readFileSync(place.path("seen"), "utf8")).toBe("began 1\n");
  });
});
