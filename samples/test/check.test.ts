import { expect, test } from "vitest";
import { startBaton } from "./baton-process.ts";

test("types, workflows and a deployment of this project are right", async () => {
  const { code, stdout, stderr } = await startBaton(["check"], {}).ended;
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
});
