import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ChildDecision,
  decideChild,
  type Ending,
  incrementedCounts,
  isFailure,
  type JoinCount,
  type JoinCounts,
  type JoinShape,
  nextCountToRead,
} from "../../src/core/joins.ts";
import type { ChildRule } from "../../src/core/workflow/definition.ts";
import { endings, rules } from "./random-graph.ts";

/** A join, how each of its parents ended in the order of arrival, and how far past its own ending each one reads. */
const scenes = fc
  .record({
    arrived: fc.array(fc.record({ ending: endings, ahead: fc.nat(6) }), { minLength: 1, maxLength: 6 }),
    rules: fc.uniqueArray(rules, { minLength: 1 }),
  })
  .map(({ arrived, rules }) => ({
    arrived,
    shape: { parents: arrived.map((_, index) => `p${index}`), rules },
  }));

/** What the rule says once all parents have ended, read straight off its definition. */
function oracle(rule: ChildRule, all: readonly Ending[]): ChildDecision {
  const succeeded = all.filter((ending) => ending.status === "SUCCESS").length;
  const unsuccessful: ChildDecision = {
    kind: "skip",
    reason: all.some(isFailure) ? "upstream_failed" : "upstream_skipped",
  };
  switch (rule) {
    case "all_succeeded":
      return succeeded === all.length ? { kind: "ready" } : unsuccessful;
    case "none_failed":
      return succeeded > 0 && !all.some(isFailure) ? { kind: "ready" } : unsuccessful;
    case "all_ended":
      return { kind: "ready" };
    case "any_succeeded":
      return succeeded > 0 ? { kind: "ready" } : unsuccessful;
    case "any_failed":
      return all.some(isFailure) ? { kind: "ready" } : { kind: "skip", reason: "rule_not_met" };
  }
}

/** The counts that a parent reads: of the endings committed by then, only what they added and only what it asks for. */
function readCounts(shape: JoinShape, ending: Ending, committed: readonly Ending[]): JoinCounts {
  const added = committed.flatMap((one) => incrementedCounts(shape, one));
  const count = (tally: JoinCount) => added.filter((one) => one === tally).length;
  let read: JoinCounts = {};
  for (let tally = nextCountToRead(shape, ending, read); tally; tally = nextCountToRead(shape, ending, read))
    read = { ...read, [tally]: count(tally) };
  return read;
}

test("whatever the order and however far each read sees, a child gets the one verdict its rule demands", () => {
  fc.assert(
    fc.property(scenes, ({ arrived, shape }) => {
      const all = arrived.map(({ ending }) => ending);
      for (const rule of shape.rules) {
        const verdicts = arrived.map(({ ending, ahead }, index) =>
          decideChild(rule, shape, ending, readCounts(shape, ending, all.slice(0, index + 1 + ahead))),
        );
        const given = verdicts.filter((verdict) => verdict.kind !== "wait");
        expect(given.length).toBeGreaterThan(0);
        for (const verdict of given) expect(verdict).toEqual(oracle(rule, all));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("the verdict does not depend on the order of the endings", () => {
  const orders = scenes.chain(({ arrived, shape }) =>
    fc.record({
      shape: fc.constant(shape),
      order: fc.shuffledSubarray(
        arrived.map(({ ending }) => ending),
        { minLength: arrived.length },
      ),
      other: fc.constant(arrived.map(({ ending }) => ending)),
    }),
  );
  const finalVerdict = (rule: ChildRule, shape: JoinShape, order: readonly Ending[]) =>
    order
      .map((ending, index) =>
        decideChild(rule, shape, ending, readCounts(shape, ending, order.slice(0, index + 1))),
      )
      .find((verdict) => verdict.kind !== "wait");
  fc.assert(
    fc.property(orders, ({ shape, order, other }) => {
      for (const rule of shape.rules)
        expect(finalVerdict(rule, shape, order)).toEqual(finalVerdict(rule, shape, other));
    }),
  );
});

test("a redelivered completion, which reads everything, says the same again or nothing", () => {
  fc.assert(
    fc.property(scenes, ({ arrived, shape }) => {
      const all = arrived.map(({ ending }) => ending);
      for (const rule of shape.rules)
        for (const ending of all) {
          const verdict = decideChild(rule, shape, ending, readCounts(shape, ending, all));
          if (verdict.kind !== "wait") expect(verdict).toEqual(oracle(rule, all));
        }
    }),
  );
});

const success: Ending = { status: "SUCCESS", reason: null };
const error: Ending = { status: "ERROR", reason: null };
const two = (...rules: ChildRule[]): JoinShape => ({ parents: ["a", "b"], rules });

test("only a verdict that one ending makes final does not wait for the others", () => {
  expect(decideChild("any_succeeded", two("any_succeeded"), success, {})).toEqual({ kind: "ready" });
  expect(decideChild("any_failed", two("any_failed"), error, {})).toEqual({ kind: "ready" });
  expect(decideChild("all_ended", two("all_ended"), error, { ended: 1 })).toEqual({ kind: "wait" });
  expect(decideChild("all_succeeded", two("all_succeeded"), error, { ended: 1 })).toEqual({ kind: "wait" });
});

test("counts cost nothing where they are not needed", () => {
  const chain: JoinShape = { parents: ["a"], rules: ["all_succeeded", "any_failed"] };
  expect(incrementedCounts(chain, success)).toEqual([]);
  expect(nextCountToRead(chain, success, {})).toBeUndefined();
  const usual = two("all_succeeded");
  expect(incrementedCounts(usual, success)).toEqual(["ended"]);
  expect(nextCountToRead(usual, success, {})).toBe("ended");
  expect(nextCountToRead(usual, success, { ended: 1 })).toBeUndefined();
  expect(nextCountToRead(usual, success, { ended: 2 })).toBe("unsuccessful");
  expect(nextCountToRead(usual, success, { ended: 2, unsuccessful: 0 })).toBeUndefined();
  expect(nextCountToRead(two("any_succeeded"), success, {})).toBeUndefined();
  expect(nextCountToRead(two("all_ended"), success, { ended: 2 })).toBeUndefined();
});
