import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ChildRule } from "../../src/core/definition.ts";
import {
  type Counts,
  decideChild,
  type Ending,
  isFailure,
  type JoinShape,
  type Tally,
  talliesOf,
  talliesToRead,
  type Verdict,
} from "../../src/core/joins.ts";
import { endings, rules } from "./random-graph.ts";

/** A join, how each of its parents ended in the order of arrival, and how far past its own ending each one reads. */
const scenes = fc
  .record({
    arrived: fc.array(fc.record({ ending: endings, ahead: fc.nat(6) }), { minLength: 1, maxLength: 6 }),
    rules: fc.uniqueArray(rules, { minLength: 1 }),
    skippable: fc.boolean(),
  })
  .map(({ arrived, rules, skippable }) => {
    const harmless = ({ ending }: (typeof arrived)[number]) =>
      ending.status === "SKIPPED" && ending.reason !== "upstream_failed";
    const parents = arrived.map((_, index) => `p${index}`);
    return { arrived, shape: { parents, rules, skippable: skippable || arrived.some(harmless) } };
  });

/** What the rule says once all parents have ended, read straight off its definition. */
function oracle(rule: ChildRule, all: readonly Ending[]): Verdict {
  const succeeded = all.filter((ending) => ending.status === "SUCCESS").length;
  const unsuccessful: Verdict = {
    kind: "skip",
    reason: all.some(isFailure) ? "upstream_failed" : "upstream_skipped",
  };
  switch (rule) {
    case "all_succeeded":
      return succeeded === all.length ? { kind: "ready" } : unsuccessful;
    case "all_ended":
      return { kind: "ready" };
    case "any_succeeded":
      return succeeded > 0 ? { kind: "ready" } : unsuccessful;
    case "any_failed":
      return all.some(isFailure) ? { kind: "ready" } : { kind: "skip", reason: "rule_not_met" };
  }
}

/** The counts that a parent reads: of the endings committed by then, only what they added and only what it asks for. */
function readCounts(shape: JoinShape, ending: Ending, committed: readonly Ending[]): Counts {
  const added = committed.flatMap((one) => talliesOf(shape, one));
  const count = (tally: Tally) => added.filter((one) => one === tally).length;
  return Object.fromEntries(talliesToRead(shape, ending).map((tally) => [tally, count(tally)]));
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

test("every order of the same endings comes to the same verdict", () => {
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
const two = (rule: ChildRule, skippable = false): JoinShape => ({
  parents: ["a", "b"],
  rules: [rule],
  skippable,
});

test("what the first ending can decide does not wait for the others", () => {
  expect(decideChild("all_succeeded", two("all_succeeded"), error, {})).toEqual({
    kind: "skip",
    reason: "upstream_failed",
  });
  expect(decideChild("any_succeeded", two("any_succeeded"), success, {})).toEqual({ kind: "ready" });
  expect(decideChild("any_failed", two("any_failed"), error, {})).toEqual({ kind: "ready" });
  expect(decideChild("all_ended", two("all_ended"), error, { ended: 1 })).toEqual({ kind: "wait" });
});

test("a rule does not judge by what is counted for another rule of the same join", () => {
  const shape: JoinShape = { parents: ["a", "b"], rules: ["all_succeeded", "all_ended"], skippable: false };
  expect(talliesToRead(shape, success)).toEqual(["succeeded", "ended"]);
  expect(decideChild("all_succeeded", shape, success, { succeeded: 1, ended: 2 })).toEqual({ kind: "wait" });
});

test("counts cost nothing where they are not needed", () => {
  const chain: JoinShape = { parents: ["a"], rules: ["all_succeeded", "any_failed"], skippable: true };
  expect(talliesOf(chain, success)).toEqual([]);
  expect(talliesToRead(chain, success)).toEqual([]);
  expect(talliesToRead(two("all_succeeded"), success)).toEqual(["succeeded"]);
  expect(talliesToRead(two("all_succeeded"), error)).toEqual([]);
  expect(talliesOf(two("all_succeeded"), error)).toEqual([]);
});
