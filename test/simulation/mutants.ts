/**
 * A broken variant of the protocol. Its place is a comment line in the sources, `// mutation: <mark>`, directly above a
 * statement, property, element or operand.
 */
export interface Mutant {
  readonly name: string;
  readonly mark: string;
  readonly change: Change;
  /** With published completions this seed finds it; the first 20,000 do not with settings of their own. */
  readonly seed?: number;
  /** The test that fails with it, where no seed is known: file and name. */
  readonly test?: string;
}

/** What is done to the marked code. `$` in the code is the present value. */
export type Change =
  | { readonly kind: "remove" }
  /** Code in front of it. */
  | { readonly kind: "before"; readonly code: string }
  /** Another condition; another expression that is returned, assigned or called. */
  | { readonly kind: "value"; readonly code: string }
  /** Another statement under the condition of an `if`. */
  | { readonly kind: "body"; readonly code: string };

const remove: Change = { kind: "remove" };
const before = (code: string): Change => ({ kind: "before", code });
const value = (code: string): Change => ({ kind: "value", code });
const body = (code: string): Change => ({ kind: "body", code });

/** Whether completions are inline: a handler that does not ask is given the settings all the same. */
const inlineCompletions =
  '((parts as typeof parts & { settings: { completions: string } }).settings.completions === "inline")';

/** One for each rule of the protocol and each guard that keeps it. */
export const mutants: readonly Mutant[] = [
  {
    name: "a failed attempt is not in the history",
    mark: "failed-attempt-is-in-the-history",
    change: remove,
  },
  {
    name: "a lost attempt is not in the history",
    mark: "lost-attempt-is-in-the-history",
    change: value("true"),
  },
  {
    name: "a skip is not counted for the end of its batch",
    mark: "bad-endings-are-counted",
    change: before('if (log.status !== "SKIPPED")'),
  },
  {
    name: "an ended batch counts only what went wrong",
    mark: "ended-batch-counts-its-tasks",
    change: value("{ SUCCESS: tasks, ...bad }"),
  },
  {
    name: "any failed task of an ended batch is called the first",
    mark: "first-failure-is-the-earliest",
    change: value("[failures.at(-1)]"),
  },
  {
    name: "the history of a task grows with every attempt",
    mark: "history-is-bounded",
    change: value("[...history, ended]"),
    test: "core/attempts.test.ts: only the last attempts are kept",
  },
  {
    name: "a redelivered message acknowledges an ended task without passing its ending on",
    mark: "redelivery-passes-the-ending-on",
    change: remove,
  },
  {
    name: "with inline completions a redelivered message does not pass an ending on",
    mark: "redelivery-passes-the-ending-on",
    change: before(`if (${inlineCompletions} === false)`),
  },
  {
    name: "with inline completions a message is acknowledged before the children are published",
    mark: "inline-children-are-published-before-the-acknowledgement",
    change: value("void Promise.resolve($).catch(() => undefined)"),
  },
  {
    name: "with inline completions the children are published before the settle",
    mark: "settle-is-committed-first",
    change: value(`${inlineCompletions}
      ? Promise.resolve(follow()).then(() => $)
      : $`),
  },
  {
    name: "only the start that created the batch publishes the roots",
    mark: "repeated-start-publishes-the-roots",
    change: remove,
  },
  {
    name: "only the process that wrote a skip passes it on",
    mark: "existing-skip-is-passed-on",
    change: value('{ queue: "none", message: { kind: "callback", callbackId: "none" } } as const'),
  },
  {
    name: "a message is acknowledged because the lease is valid",
    mark: "held-lease-is-checked-when-it-ends",
    change: remove,
  },
  {
    name: "a settle is not fenced",
    mark: "settle-is-fenced",
    change: before(`if (!current) {
      const found = toStoredLog(await ports.store.get(logWrite(claim.log.version, claim.log.log).key));
      const unfenced = found && { log: { ...found, isOurs: true }, execution: undefined };
      return unfenced && write(ports, unfenced, { ...next, execution: undefined });
    }`),
  },
  {
    name: "a settle overwrites the claim of another worker",
    mark: "own-claim-is-recognised",
    change: value("!logNow"),
  },
  {
    name: "a later attempt counts as our own",
    mark: "claim-has-an-attempt",
    change: value("true"),
  },
  {
    name: "a resumed wait counts as our own claim",
    mark: "claim-has-a-count-of-resumes",
    change: value("true"),
  },
  {
    name: "the joins are counted before the commit",
    mark: "settle-is-committed-first",
    change: value("Promise.resolve(follow()).then(() => $)"),
  },
  {
    name: "a stale count is shared",
    mark: "count-starts-after-the-commit",
    change: remove,
  },
  {
    name: "a parent that has ended still counts as running, so its joins are not counted",
    mark: "ended-parent-counts-its-joins",
    change: remove,
  },
  {
    name: "an ambiguous commit counts as failed",
    mark: "error-of-a-commit-is-ambiguous",
    change: before('if (error instanceof Error && error.name !== "ConflictError") throw error;'),
  },
  {
    name: "a conflict counts as lost without reading back",
    mark: "own-write-is-recognised-by-its-nonce",
    change: value('$ && !(error instanceof Error && error.name === "ConflictError")'),
  },
  {
    name: "a claim has no nonce",
    mark: "claim-has-a-nonce",
    change: value('"none"'),
  },
  {
    name: "a cancel leaves out tasks without a log",
    mark: "cancel-includes-tasks-without-a-log",
    change: value("$.slice($.length)"),
  },
  {
    name: "a cancel leaves out tasks that changed meanwhile",
    mark: "cancel-repeats-what-changed-meanwhile",
    change: value("pending.length > 0 && pending.length === pinned.graph.tasks.size"),
  },
  {
    name: "a cancel whose process died is not completed",
    mark: "sweep-completes-a-cancel",
    change: remove,
  },
  {
    name: "a SUCCESS is retried in place",
    mark: "terminal-is-final",
    change: value('$ && log.status !== "SUCCESS"'),
  },
  {
    name: "the result is committed after the status",
    mark: "execution-record-is-in-the-settle-commit",
    change: before(`if (next.execution?.state !== "PROCESSING") {
      if (next.execution) void store.commit([writeOf(recordKinds.execution, claim.execution?.version, next.execution)]);
    } else`),
  },
  {
    name: "a failure is cached",
    mark: "failure-is-not-cached",
    change: value('{ ...$, state: "SUCCESS" }'),
  },
  {
    name: "a recurring task sets a success key",
    mark: "recurring-task-sets-no-success-key",
    change: remove,
  },
  {
    name: "the lock is not renewed",
    mark: "heartbeat-renews-the-lock",
    change: value("undefined"),
  },
  {
    name: "a take-over does not raise the attempt",
    mark: "take-over-raises-the-attempt",
    change: value('{ kind: "take", attempt: log.attempt, resumes: log.resumes, lostLeases }'),
  },
  {
    name: "a take-over does not raise the token of the key",
    mark: "take-over-raises-the-token-of-the-key",
    change: value('{ kind: "take", token, generation }'),
  },
  {
    name: "any task frees a lock",
    mark: "only-the-holder-frees-a-lock",
    change: value('state === "PROCESSING"'),
  },
  {
    name: "an unsigned message runs a task before its turn",
    mark: "unsigned-message-proves-nothing",
    change: remove,
  },
  {
    name: "a failure reported from outside is retried",
    mark: "failure-from-outside-is-final",
    change: value("{ ...$, retryable: true }"),
  },
  {
    name: "a result is never cached",
    mark: "result-is-cached-for-its-time",
    change: value("0"),
  },
  {
    name: "a cached result never expires",
    mark: "result-is-cached-for-its-time",
    change: value("1e9"),
  },
  {
    name: "a parked task keeps its lock for no longer than its wait",
    mark: "parked-task-keeps-its-lock",
    change: value("{ ...$, dueSeconds: end.seconds }"),
  },
  {
    name: "stored steps are not looked up",
    mark: "stored-step-is-looked-up",
    change: value("[$].slice(1)[0]"),
  },
  {
    name: "one attempt too many",
    mark: "attempts-are-limited",
    change: value("failures > policy.maxAttempts"),
  },
  {
    name: "a retry does not back off",
    mark: "retry-backs-off",
    change: value("{ ...$, dueSeconds: 0 } as const"),
  },
  {
    name: "a pause that a service asks for is ignored",
    mark: "retry-after-is-respected",
    change: value("error.retryable ? retryDelayMs(task.retry, failures, random) : undefined"),
  },
  {
    name: "a sleep does not wait",
    mark: "sleep-waits",
    change: value("undefined"),
  },
  {
    name: "a timeout is not retried",
    mark: "timeout-is-retried",
    change: value("{ ...$, retryable: false }"),
  },
  {
    name: "an interruption does not abort the signal",
    mark: "interruption-aborts-the-signal",
    change: remove,
  },
  {
    name: "a lock outlives its lease",
    mark: "lock-ends-with-its-lease",
    change: value('$ + (state === "PROCESSING" ? 60_000 : 0)'),
  },
  {
    name: "a completion takes the lock of its parked task again, for a shorter time",
    mark: "completion-uses-the-lock-of-its-task",
    change: remove,
  },
  {
    name: "a resend that is refused once costs the lease",
    mark: "resend-is-retried",
    change: value("await outbox.resendOf(admitted.execution, call.target)"),
    seed: 13_946,
  },
  {
    name: "the batch ends in the middle of a cancel",
    mark: "requested-cancel-comes-before-the-end",
    change: value('batch.status !== "RUNNING"'),
  },
  {
    name: "keys are ignored",
    mark: "key-is-taken",
    change: before(
      'if (key !== undefined) return { kind: "run", claim: { log: claimed, execution: undefined } };',
    ),
  },
  {
    name: "a task that failed without running keeps its lock",
    mark: "failed-task-frees-its-lock",
    change: value("true"),
  },
  {
    name: "the lock of a parked task is taken at the end of its lease",
    mark: "parked-holder-keeps-its-lock",
    change: body("return false;"),
  },
  {
    name: "a held lock is taken",
    mark: "held-lock-is-respected",
    change: remove,
  },
  {
    name: "an expired result is used",
    mark: "expired-result-is-not-used",
    change: value('state === "FREE" && remainingMs <= 0'),
  },
  {
    name: "a step is used before it is stored",
    mark: "step-is-stored-before-it-is-used",
    change: value(
      '(void $.catch(() => undefined), { kind: "value", value: JSON.parse(encodeStep(name, value).text) })',
    ),
  },
  {
    name: "the second result of a step overwrites the first",
    mark: "first-step-counts",
    change: value(`document?.data.kind === "value" &&
      JSON.stringify(document.data.result) !== JSON.stringify(step.result)`),
  },
  {
    name: "a callback is sent before the settle",
    mark: "settle-is-committed-first",
    change: value(`(companions.callback
      ? (parts as typeof parts & Ports<"callbacks">).callbacks.send({
          url: companions.callback.target.url,
          webhookId: companions.callback.eventId,
          body: "",
          timeoutSeconds: 1,
          signal: new AbortController().signal,
        })
      : Promise.resolve()
    ).catch(() => undefined).then(() => $)`),
  },
  {
    name: "a callback is created after the settle commit",
    mark: "callback-is-in-the-settle-commit",
    change: before(`const { callback } = next;
    if (callback) {
      const key = { collection: "callbacks", id: callback.callbackId } as const;
      queueMicrotask(() => void store.commit([{ kind: "create", key, data: { ...callback } }]));
    } else`),
  },
  {
    name: "a counter of completions ends the batch",
    mark: "end-is-a-join",
    change: before(`const seen = Number(Reflect.get(globalThis, batch.batchId) ?? 0) + 1;
    Reflect.set(globalThis, batch.batchId, seen);
    if (seen === batch.graph.tasks.size)
      await unit.publish([executeMessage(batch, "$end")]);`),
  },
  {
    name: "a lease is judged by the clock of the worker",
    mark: "lease-is-judged-by-the-clock-of-the-store",
    change: before("found = { ...found, ageMs: parts.clock.now() - found.writtenAt };"),
  },
  {
    name: "a sweep uses the clock of its worker",
    mark: "sweep-uses-the-clock-of-the-store",
    change: value(
      `yield page.map((found) =>
        asLog({ ...found, ageMs: this.#ports.clock.now() - found.writtenAt }))`,
    ),
  },
  {
    name: "the sweep finds no lost claims",
    mark: "sweep-finds-lost-work",
    change: value("{ ...$, execute: [...unstarted, ...ready] }"),
  },
  {
    name: "the sweep finds no lost starts",
    mark: "sweep-finds-lost-work",
    change: value("{ ...$, execute: [...overdue, ...ready] }"),
  },
  {
    name: "the sweep finds no lost completions",
    mark: "sweep-finds-lost-work",
    change: value("{ execute: [...unstarted, ...overdue], complete: [] }"),
  },
  {
    name: "the sweep finds no callbacks",
    mark: "sweep-finds-callbacks",
    change: remove,
  },
  {
    name: "a fan-out that failed is remembered as done",
    mark: "failed-fan-out-is-forgotten",
    change: remove,
  },
  {
    name: "a fan-out whose write was undone is remembered as done",
    mark: "undone-fan-out-is-forgotten",
    change: remove,
    test:
      "engine/undone-writes.test.ts: " +
      "a fan-out whose settle was undone is done again by the redelivered message, without a sweep",
  },
  {
    name: "the completion is published before the outcome is committed",
    mark: "completion-follows-the-commit",
    change: before(`const ending = { status: "SUCCESS", reason: null } as const;
    const early = { kind: "task", batchId: batch.batchId, taskId: task.id, previousTaskId: task.id, ending } as const;
    await parts.broker.publish([{ queue: "none", message: early }]);`),
  },
  {
    name: "a lost claim is run",
    mark: "lost-claim-is-not-run",
    change: before(`if (outcome.kind === "lost") {
    const found = toStoredLog(outcome.current);
    if (found?.log.status === "PROCESSING") return { kind: "won", claim: found };
  }`),
  },
  {
    name: "a late claim is released although another worker has the task",
    mark: "only-the-late-claim-is-released",
    change: value("!document || document.data.status !== claim.status"),
  },
  {
    name: "the end of a lease is not noticed",
    mark: "expired-lease-is-taken-over",
    change: before(
      'if ([log.status].includes("PROCESSING")) return { kind: "held", remainingMs: Math.max(remainingMs, 1_000) };',
    ),
  },
  {
    name: "the end of a wait is not scheduled",
    mark: "end-of-a-wait-is-scheduled",
    change: value("undefined"),
  },
  {
    name: "an event does not find the task that waits for it",
    mark: "waiting-task-is-found-by-its-events",
    change: body("return [];"),
  },
  {
    name: "a task that an event has woken is not published",
    mark: "woken-task-is-published",
    change: value("[]"),
  },
  {
    name: "an event between the look and the parking is missed",
    mark: "parked-task-looks-for-events",
    change: remove,
  },
  {
    name: "an event is missed when the worker that parked its task died",
    mark: "redelivery-looks-for-events",
    change: remove,
  },
  {
    name: "an early completion from outside is dropped",
    mark: "early-completion-is-stored",
    change: remove,
  },
  {
    name: "a completion that came before its task parked is missed",
    mark: "parked-task-looks-for-a-completion",
    change: remove,
  },
  {
    name: "a completion is missed when its task parked while it was stored",
    mark: "stored-completion-is-checked-again",
    change: value("false"),
    test: "engine/early-completion.test.ts: a completion that is stored while its task parks ends it",
  },
  {
    name: "an ending by our own late write is not passed on",
    mark: "late-ending-is-passed-on",
    change: value("$.then(() => undefined)"),
    test: "engine/early-completion.test.ts: an ending whose first write is applied late is passed on",
  },
  {
    name: "a stored completion is missed when the worker that parked its task died",
    mark: "redelivery-takes-a-stored-completion",
    change: remove,
  },
  {
    name: "the last stored completion counts",
    mark: "first-completion-counts",
    change: before(`const completions = new Records(store, recordKinds.earlyCompletion);
  const stored = await completions.read({ batchId, taskId });
  if (stored) await completions.write(stored, data);
  else`),
  },
  {
    name: "the last event of a name counts",
    mark: "first-event-counts",
    change: before(`const earlier = await events.read({ batchId, event });
  if (earlier) await events.write(earlier, data);`),
  },
  {
    name: "a callback that two senders try to send is sent by neither",
    mark: "callback-of-another-sender-is-checked-later",
    change: body("return;"),
    test: "engine/callback-delivery.test.ts: a callback whose sender died before the send is sent after its lease",
  },
  {
    name: "a failed callback is not sent again",
    mark: "failed-callback-is-sent-again",
    change: remove,
  },
  {
    name: "pages that were taken are read again",
    mark: "taken-pages-are-not-read-again",
    change: remove,
    test:
      "engine/callback-archive.test.ts: " +
      "once its pages are taken a callback waits for the archive alone, and reads no page again",
  },
  {
    name: "a callback has other bytes in every send",
    mark: "every-send-has-the-same-bytes",
    change: value("callback.occurredAt + Number(process.hrtime.bigint() % 1_000_000_007n)"),
  },
  {
    name: "a crash after the end loses the callback until the sweep",
    mark: "redelivery-sends-the-callback",
    change: value("$.slice($.length)"),
  },
  {
    name: "a crash after an ending from outside loses the callback until the sweep",
    mark: "completion-sends-a-lost-callback",
    change: remove,
  },
  {
    name: "a lost write of a callback counts as another sender's",
    mark: "lost-callback-write-is-checked-later",
    change: body("return;"),
  },
  {
    name: "a store error fails the task that reads its parents",
    mark: "parent-store-errors-are-retried",
    change: value("readOutcome(parts, batch, taskId)"),
  },
  {
    name: "a store error fails the task that stores a step",
    mark: "step-store-errors-are-retried",
    change: value("work()"),
  },
  {
    name: "nothing is inherited",
    mark: "retry-inherits-successes",
    change: remove,
  },
  {
    name: "a resumed attempt asks its condition again",
    mark: "resumed-attempt-is-not-asked-again",
    change: value("!when"),
    test: "engine/conditions.test.ts: a task that has waited is not asked again",
  },
  {
    name: "a skip counts as a success",
    mark: "skip-is-no-success",
    change: value('"SUCCESS"'),
    test: "engine/conditions.test.ts: a function decides by the input and the results of the parents",
  },
  {
    name: "a join with the rule none_failed runs although all its parents were skipped",
    mark: "none-failed-needs-a-success",
    change: value("failed === 0 ? ready : skipFor(failed)"),
    test:
      "core/joins.test.ts: whatever the order and however far each read sees, " +
      "a child gets the one verdict its rule demands",
  },
  {
    name: "a retry keeps the skip of a condition that was corrected",
    mark: "corrected-condition-is-asked-again",
    change: value("false"),
    test: "engine/conditions.test.ts: a retry asks a corrected condition again",
  },
  {
    name: "a success is inherited although its task has another rule now",
    mark: "inherited-task-satisfies-its-rule",
    change: value("true"),
  },
  {
    name: "a success is inherited below a task that runs again",
    mark: "inherited-task-has-inherited-parents",
    change: value("!join.parents.every((parent) => endingOf(parent))"),
  },
  {
    name: "a batch uses the definition that is deployed now",
    mark: "batch-keeps-its-definition",
    change: value("true"),
  },
  {
    name: "one ended parent is enough",
    mark: "join-waits-for-all-parents",
    change: value("!counts.ended"),
  },
  {
    name: "a skip passes no failure on",
    mark: "skip-passes-failure-on",
    change: body("return false;"),
  },
  {
    name: "the first lost lease fails a task",
    mark: "lost-leases-are-limited",
    change: value("0"),
  },
  {
    name: "the locks of a cancelled task are kept",
    mark: "cancel-frees-locks",
    change: remove,
  },
  {
    name: "a large result is stored after the commit",
    mark: "large-result-is-stored-first",
    change: value(`queueMicrotask(() => {
    const writing = objects.write({ bucket, object }, Buffer.from(text), "application/json");
    writing.catch(() => undefined);
  })`),
  },
];
