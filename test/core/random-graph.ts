import * as fc from "fast-check";
import type { Ending } from "../../src/core/joins.ts";
import {
  applyTaskDefaults,
  type ChildRule,
  ChildRuleSchema,
  type Definition,
} from "../../src/core/workflow/definition.ts";

export const rules = fc.constantFrom<ChildRule>(...ChildRuleSchema.options);

export const endings = fc.constantFrom<Ending>(
  { status: "SUCCESS", reason: null },
  { status: "SUCCESS", reason: "inherited" },
  { status: "ERROR", reason: null },
  { status: "SKIPPED", reason: "upstream_failed" },
  { status: "SKIPPED", reason: "upstream_skipped" },
  { status: "SKIPPED", reason: "rule_not_met" },
  { status: "CANCELLED", reason: "cancelled" },
);

/** Acyclic graphs: each task picks its parents among the tasks before it; the file's order is then mixed. */
export const definitions: fc.Arbitrary<Definition> = fc
  .array(fc.record({ picks: fc.array(fc.nat(), { maxLength: 4 }), rule: rules }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((choices) =>
    choices.map(({ picks, rule }, index) => {
      const parents = index === 0 ? [] : picks.map((pick) => `t${pick % index}`);
      return applyTaskDefaults({ id: `t${index}`, type: "function", after: [...new Set(parents)], rule });
    }),
  )
  .chain((tasks) => fc.shuffledSubarray(tasks, { minLength: tasks.length }))
  .map((tasks) => ({ format: 1, workflowId: "random", tasks }));
