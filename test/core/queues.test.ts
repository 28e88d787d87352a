import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { limits } from "../../src/core/limits.ts";

const queuesOf = (text: string) => Object.fromEntries(readConfiguration({ BATON_QUEUES: text }).queues);

test("queues are read with their concurrency and, where one is given, their rate", () => {
  expect(queuesOf("documents=2, websites=4@2/s,notifications=5@30/m,imports=1@100/h,default=50")).toEqual({
    documents: { concurrency: 2 },
    websites: { concurrency: 4, rate: { messages: 2, perSeconds: 1 } },
    notifications: { concurrency: 5, rate: { messages: 30, perSeconds: 60 } },
    imports: { concurrency: 1, rate: { messages: 100, perSeconds: 3_600 } },
    default: { concurrency: 50 },
  });
});

test("no queue has settings of its own when none is named", () => {
  expect(readConfiguration({}).queues.size).toBe(0);
  expect(queuesOf("")).toEqual({});
});

test.each([
  ["websites", '"websites": expected name=concurrency or name=concurrency@rate/unit'],
  ["websites=", '"websites=": expected name=concurrency'],
  ["websites=-1", '"websites=-1": expected name=concurrency'],
  ["websites=4@2", '"websites=4@2": expected name=concurrency'],
  ["websites=4,", '"": expected name=concurrency'],
  ["websites=4@0.5/s", '"websites=4@0.5/s": expected name=concurrency'],
  ["websites=4@2/d", '"websites=4@2/d": unit: '],
  ["websites=4@0/s", '"websites=4@0/s": rate: '],
  [`websites=4@${limits.queueRateMessages + 1}/s`, "rate: "],
  ["websites=0", '"websites=0": concurrency: '],
  [`websites=${limits.queueConcurrency + 1}`, "concurrency: "],
  ["$control=4", '"$control=4": name: a name is 1–64'],
  ["=4", '"=4": name: a name is 1–64'],
  ["websites=4,websites=5", '"websites=5": queue websites is named twice'],
])("BATON_QUEUES=%s is refused", (text, problem) => {
  expect(() => queuesOf(text)).toThrow(problem);
  expect(() => queuesOf(text)).toThrow(expect.objectContaining({ code: "CONFIGURATION_INVALID" }));
});

test("every queue that is wrong is named", () => {
  expect(() => queuesOf("documents=0,websites=4,imports")).toThrow(/"documents=0"[\s\S]*"imports"/);
});
