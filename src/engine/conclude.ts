import type { CallbackTarget } from "../core/callback.ts";
import { failureOf } from "../core/failure.ts";
import type { JsonText } from "../core/json.ts";
import { withPause } from "../core/retry-after.ts";
import type { TaskOutcome } from "../ports/task-runner.ts";
import type { Claim } from "./claims.ts";
import type { Dependencies } from "./dependencies.ts";
import { insist } from "./insist.ts";
import { storeResult } from "./results.ts";
import type { Conclusion } from "./settlements.ts";

/** Puts what an attempt returned where it will be found, before the commit that refers to it. */
export async function conclude(
  dependencies: Dependencies,
  claim: Claim,
  outcome: Exclude<TaskOutcome, { kind: "abandoned" }>,
  target: CallbackTarget | undefined,
): Promise<Conclusion> {
  if (outcome.kind !== "succeeded") return { outcome, target };
  const { batchId, taskId, attempt, nonce } = claim.log.log;
  const object = `${batchId}/${taskId}/${attempt}-${nonce}`;
  const { summary, notes } = outcome;
  try {
    const keep = (name: string, value: JsonText) =>
      insist(dependencies, () => storeResult(dependencies.objects, name, value));
    const result = await keep(`${object}.json`, summary);
    if (!target || outcome.result === summary)
      return { outcome: { kind: "succeeded", result, notes }, target };
    const data = await keep(`${object}.callback.json`, outcome.result);
    return { outcome: { kind: "succeeded", result, notes }, target, data };
  } catch (thrown) {
    return { outcome: { kind: "failed", ...withPause(failureOf(thrown), thrown), notes }, target };
  }
}
