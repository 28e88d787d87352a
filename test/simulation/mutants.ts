/** A broken variant of the protocol: one sound place of the sources, and what it is replaced by. */
export interface Mutant {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One for each rule of the protocol and each guard that keeps it. */
export const mutants: readonly Mutant[] = [
  {
    name: "acknowledge on SUCCESS without joining",
    file: "engine/arrive.ts",
    find: "        completionMessage(batch.batchId, task.id, arrival.ending),\n",
    replace: "",
  },
  {
    name: "only the create-winner publishes the roots",
    file: "engine/start.ts",
    find: 'if (answering.status === "RUNNING") return this.#publish(since, started);',
    replace: "",
  },
  {
    name: "only the create-winner passes a skip on",
    file: "engine/fan-out.ts",
    find: "        : unreadCompletionMessage(batch.batchId, taskId),",
    replace: '        : { queue: "none", message: { kind: "callback", callbackId: "none" } as const },',
  },
  {
    name: "acknowledge on a valid lease",
    file: "engine/arrive.ts",
    find: "await dependencies.timer.schedule(executeMessage(batch, task.id), arrival.remainingMs);",
    replace: "",
  },
  {
    name: "unfenced settle",
    file: "engine/claims.ts",
    find: "return current && this.#write(current, next);",
    replace:
      "if (current) return this.#write(current, next);\n    const found = toStoredLog(await this.#dependencies.store.get(logWrite(claim.log.version, claim.log.log).key));\n    return found && this.#write({ log: { ...found, isOurs: true }, execution: undefined }, { ...next, execution: undefined });",
  },
  {
    name: "settle written over whatever stands",
    file: "engine/claims.ts",
    find: "if (!logNow || !isSameAttempt(logNow.log, log.log)) return undefined;",
    replace: "if (!logNow) return undefined;",
  },
  {
    name: "a later attempt taken for the same",
    file: "engine/claims.ts",
    find: "    found.attempt === ours.attempt &&\n",
    replace: "",
  },
  {
    name: "a resumed wait taken for the same claim",
    file: "engine/claims.ts",
    find: "    found.resumes === ours.resumes\n",
    replace: "    true\n",
  },
  {
    name: "count before own commit",
    file: "engine/settlements.ts",
    find: "    const settled = await insist(this.#dependencies, () =>",
    replace:
      "    await this.#follow(batch, task, settlement, companions.callback, since);\n    const settled = await insist(this.#dependencies, () =>",
  },
  {
    name: "stale count",
    file: "engine/join-counter.ts",
    find: "      this.#unstarted.delete(token);",
    replace: "",
  },
  {
    name: "ambiguous commit taken as failure",
    file: "engine/owned-commit.ts",
    find: "    return readBack(store, writes, error);\n",
    replace:
      "    if (error instanceof Error && error.name !== 'ConflictError') throw error;\n    return readBack(store, writes, error);\n",
  },
  {
    name: "conflict taken as lost without reading back",
    file: "engine/owned-commit.ts",
    find: "    if (document && document.data.nonce === write.data.nonce)",
    replace:
      "    if (document && document.data.nonce === write.data.nonce && !(error instanceof Error && error.name === 'ConflictError'))",
  },
  {
    name: "claim without nonce",
    file: "engine/task-logs.ts",
    find: "      ...counts,\n      nonce: ids.unique(),",
    replace: "      ...counts,\n      nonce: 'none',",
  },
  {
    name: "naive cancel: tasks without a log are left out",
    file: "engine/cancel.ts",
    find: "    return !log || !isTerminal(log.status);",
    replace: "    return log !== undefined && !isTerminal(log.status);",
  },
  {
    name: "naive cancel: what changed under its hands is left",
    file: "engine/cancel.ts",
    find: "while (pending.length > 0) pending = await cancelTasks(dependencies, logs, pinned, pending);",
    replace: "await cancelTasks(dependencies, logs, pinned, pending);\n  pending = [];",
  },
  {
    name: "a cancel that dies is not carried on",
    file: "engine/redrive.ts",
    find: "if (batch.cancelRequested) return cancelBatch(dependencies, batches, logs, batchId);",
    replace: "",
  },
  {
    name: "in-place retry of a SUCCESS",
    file: "core/claim.ts",
    find: "  if (isTerminal(log.status)) return {",
    replace: '  if (isTerminal(log.status) && log.status !== "SUCCESS") return {',
  },
  {
    name: "result not with the status",
    file: "engine/claims.ts",
    find: "    if (next.execution) writes.push(executionWrite(claim.execution?.version, next.execution));",
    replace:
      "    if (next.execution?.state === 'PROCESSING') writes.push(executionWrite(claim.execution?.version, next.execution));\n    else if (next.execution) void store.commit([executionWrite(claim.execution?.version, next.execution)]);",
  },
  {
    name: "failure cached",
    file: "core/execution.ts",
    find: '    case "failed":\n      return {\n        ...free,',
    replace: '    case "failed":\n      return {\n        ...free,\n        state: "SUCCESS",',
  },
  {
    name: "success key set by a recurring task",
    file: "core/execution.ts",
    find: "      if (idempotency.recurring) return { ...free, dueSeconds: 0, producedBy: ended };",
    replace: "",
  },
  {
    name: "lock not renewed",
    file: "engine/claims.ts",
    find: "const execution = claim.execution && { ...claim.execution.execution, nonce: ids.unique() };",
    replace: "const execution = undefined;",
  },
  {
    name: "take-over without raising the token of the task",
    file: "core/claim.ts",
    find: "attempt: log.attempt + 1, resumes: log.resumes, lostLeases };",
    replace: "attempt: log.attempt, resumes: log.resumes, lostLeases };",
  },
  {
    name: "take-over without raising the token of the key",
    file: "core/execution.ts",
    find: '  return { kind: "take", token: token + 1, generation };',
    replace: '  return { kind: "take", token, generation };',
  },
  {
    name: "anybody frees a lock",
    file: "engine/execution-records.ts",
    find: 'return state === "PROCESSING" && holder?.batchId === task.batchId && holder.taskId === task.taskId;',
    replace: 'return state === "PROCESSING" && task !== undefined;',
  },
  {
    name: "what outsiders ask for is run before its turn",
    file: "engine/engine.ts",
    find: "if (!message.ready && !(await isReady(this.#logs, batch, message.taskId))) return;",
    replace: "void isReady;",
  },
  {
    name: "an ending from outside that failed is tried again",
    file: "core/kept-completion.ts",
    find: "retryable: false }",
    replace: "retryable: true }",
  },
  {
    name: "a result is never cached",
    file: "core/execution.ts",
    find: "        dueSeconds: idempotency.ttlSeconds,",
    replace: "        dueSeconds: 0,",
  },
  {
    name: "a result counts for ever",
    file: "core/execution.ts",
    find: "        dueSeconds: idempotency.ttlSeconds,",
    replace: "        dueSeconds: 1e9,",
  },
  {
    name: "a parked task keeps its lock for no longer than its wait",
    file: "core/execution.ts",
    find: "dueSeconds: end.seconds + idempotency.lockSeconds,",
    replace: "dueSeconds: end.seconds,",
  },
  {
    name: "stored steps are not looked for",
    file: "runtime/steps.ts",
    find: "      const done = await this.#memory.find(name);\n      // What the step stored",
    replace: "      const done = undefined;\n      // What the step stored",
  },
  {
    name: "one attempt too many",
    file: "core/retry.ts",
    find: "if (failures >= policy.maxAttempts) return undefined;",
    replace: "if (failures > policy.maxAttempts) return undefined;",
  },
  {
    name: "no back-off",
    file: "core/settlement.ts",
    find: "dueSeconds: delayMs / 1_000, failures, error } as const;",
    replace: "dueSeconds: 0, failures, error } as const;",
  },
  {
    name: "a pause that the other side asks for is not kept",
    file: "core/settlement.ts",
    find: "retryDelayMs(task.retry, failures, random, retryAfterSeconds)",
    replace: "retryDelayMs(task.retry, failures, random)",
  },
  {
    name: "a sleep that does not sleep",
    file: "runtime/steps.ts",
    find: "return leftMs > 0 ? this.#wait",
    replace: "return leftMs > 1e12 ? this.#wait",
  },
  {
    name: "a timeout is not tried again",
    file: "runtime/interruption.ts",
    find: 'error: { code: "TASK_TIMEOUT", message: interrupted.message, retryable: true },',
    replace: 'error: { code: "TASK_TIMEOUT", message: interrupted.message, retryable: false },',
  },
  {
    name: "no abort signal",
    file: "runtime/task-runner.ts",
    find: "      controller.abort(reason);\n",
    replace: "",
  },
  {
    name: "a lock is believed after its lease",
    file: "core/execution.ts",
    find: "  const remainingMs = Math.ceil(execution.dueSeconds * 1_000 - ageMs);",
    replace:
      "  const remainingMs = Math.ceil(execution.dueSeconds * 1_000 - ageMs) + (state === 'PROCESSING' ? 60_000 : 0);",
  },
  {
    name: "an ending from outside takes the lock anew, for less",
    file: "engine/execute.ts",
    find: "    if (held) return settlements.settle(",
    replace: '    if (held && task.id === "") return settlements.settle(',
  },
  {
    name: "a resend that is refused once costs the lease",
    file: "engine/execute.ts",
    find: "await insist(dependencies, () => outbox.resendOf(admitted.execution, call.target));",
    replace: "void insist;\n        await outbox.resendOf(admitted.execution, call.target);",
  },
  {
    name: "a half cancel is overtaken by the end of its batch",
    file: "engine/close.ts",
    find: "|| (batch.cancelRequested && !byCancel)",
    replace: "|| (byCancel === undefined)",
  },
  {
    name: "keys are left out",
    file: "engine/admission.ts",
    find: "    if (!idempotency || key === null)",
    replace: "    if (key !== undefined)",
  },
  {
    name: "a task that is given up keeps its lock",
    file: "engine/execution-records.ts",
    find: "    if (!found || !isHeldBy(found.execution, { batchId, taskId })) return undefined;\n    return found;",
    replace: "    return undefined;",
  },
  {
    name: "the lock of a parked task is taken when its time is over",
    file: "engine/admission.ts",
    find: 'if (status === "WAITING") return',
    replace: 'if (status === "WAITING") return reason === "lock_held" &&',
  },
  {
    name: "lock taken although it is held",
    file: "core/execution.ts",
    find: 'if (state === "PROCESSING" && remainingMs > 0 && !isSameTask(execution.holder, arriving))',
    replace: "if (remainingMs < 0)",
  },
  {
    name: "expired result still given out",
    file: "core/execution.ts",
    find: 'if (state !== "PROCESSING" && remainingMs <= 0)',
    replace: 'if (state === "FREE" && remainingMs <= 0)',
  },
  {
    name: "step used before it is stored",
    file: "runtime/steps.ts",
    find: '    return this.#memory.keep(name, "value", encodeStep(name, value));',
    replace:
      '    void this.#memory.keep(name, "value", encodeStep(name, value)).catch(() => undefined);\n    return { kind: "value", value: JSON.parse(encodeStep(name, value).text) };',
  },
  {
    name: "step written over by whoever comes second",
    file: "engine/step-memory.ts",
    find: "document && this.#isForeignTimeout(document); {",
    replace:
      "document && document.data.nonce !== undefined && document.data.kind === 'value' && JSON.stringify(document.data.result) !== JSON.stringify(step.result); {",
  },
  {
    name: "callback sent before settle",
    file: "engine/settlements.ts",
    find: "    const settled = await insist(",
    replace:
      "    if (companions.callback) await this.#dependencies.callbacks.send({ url: companions.callback.target.url, webhookId: companions.callback.eventId, body: '', timeoutSeconds: 1, signal: new AbortController().signal }).catch(() => undefined);\n    const settled = await insist(",
  },
  {
    name: "callback not in the settle commit",
    file: "engine/claims.ts",
    find: "    if (next.callback)\n      writes.push({",
    replace:
      "    if (next.callback) {\n      const { callback } = next;\n      queueMicrotask(() => void store.commit([{ kind: 'create', key: { collection: 'callbacks', id: callback.callbackId }, data: callback }]));\n    }\n    if (next.callback && next.log.status === 'WAITING')\n      writes.push({",
  },
  {
    name: "batch ended by a counter of completions",
    file: "engine/complete.ts",
    find: "    await this.#fanOut.passOn(",
    replace:
      "    const seen = (globalThis[batch.batchId] ?? 0) + 1;\n    globalThis[batch.batchId] = seen;\n    if (seen === batch.graph.tasks.size) await this.#dependencies.broker.publish([{ queue: '$control', message: { kind: 'task', batchId: batch.batchId, taskId: '$end', ready: true } }]);\n    await this.#fanOut.passOn(",
  },
  {
    name: "leases judged by the worker's clock",
    file: "engine/arrive.ts",
    find: "const arrival = decideArrival(found.log, found.ageMs);",
    replace: "const arrival = decideArrival(found.log, dependencies.clock.now() - found.writtenAt);",
  },
  {
    name: "sweeper that trusts its own clock",
    file: "engine/task-logs.ts",
    find: "fromDocument(document, page.readTime)",
    replace: "fromDocument(document, this.#dependencies.clock.now())",
  },
  {
    name: "sweeper that finds no lost claims",
    file: "core/redrive.ts",
    find: "    execute: [...unstarted, ...overdue, ...ready],",
    replace: "    execute: [...unstarted, ...ready],",
  },
  {
    name: "sweeper that finds no lost starts",
    file: "core/redrive.ts",
    find: "    execute: [...unstarted, ...overdue, ...ready],",
    replace: "    execute: [...overdue, ...ready],",
  },
  {
    name: "sweeper that finds no lost completions",
    file: "core/redrive.ts",
    find: "    execute: [...unstarted, ...overdue, ...ready],\n    complete: [...complete]",
    replace: "    execute: [...unstarted, ...overdue],\n    complete: [...complete].slice(complete.size)",
  },
  {
    name: "sweeper that finds no callbacks",
    file: "engine/sweep.ts",
    find: 'if (part !== "batches") await this.#callbacks(after);',
    replace: "",
  },
  {
    name: "completions forgotten when they could not be passed on",
    file: "engine/fan-out.ts",
    find: "      for (const { child } of decisions) batch.passedOn.delete(child.taskId);\n      batch.decidedJoins.delete(join);",
    replace: "",
  },
  {
    name: "completion published before the outcome is committed",
    file: "engine/execute.ts",
    find: "    await dependencies.store.sync(beforeClaim);",
    replace:
      "    await dependencies.broker.publish([{ queue: 'none', message: { kind: 'task', batchId: batch.batchId, taskId: task.id, previousTaskId: task.id, ending: { status: 'SUCCESS', reason: null } } }]);",
  },
  {
    name: "a lost claim is run all the same",
    file: "engine/task-logs.ts",
    find: '  if (outcome.kind === "lost") return { kind: "lost", current: toStoredLog(outcome.current) };',
    replace:
      '  if (outcome.kind === "lost") {\n    const found = toStoredLog(outcome.current);\n    return found?.log.status === "PROCESSING" ? { kind: "won", claim: found } : { kind: "lost", current: found };\n  }',
  },
  {
    name: "a claim that was given up is given back whoever has it",
    file: "engine/late-claim.ts",
    find: "  if (document?.data.nonce !== claim.nonce) return false;",
    replace: "  if (document?.data.status !== claim.status) return false;",
  },
  {
    name: "a lease that ends is not noticed",
    file: "core/claim.ts",
    find: '  if (remainingMs > 0) return { kind: "held", remainingMs };',
    replace:
      '  if (remainingMs > 0 || log.status === "PROCESSING") return { kind: "held", remainingMs: Math.max(remainingMs, 1_000) };',
  },
  {
    name: "a wait that ends is not noticed",
    file: "engine/settlements.ts",
    find: "    if (!isTerminal(status))\n      return this.#dependencies.timer.schedule(",
    replace:
      "    if (!isTerminal(status) && status.length === 0)\n      return this.#dependencies.timer.schedule(",
  },
  {
    name: "a task that waits for an event is not found by it",
    file: "core/settlement.ts",
    find: "return log.events.map((event) => eventToken(batchId, event));",
    replace: "return log.events.slice(log.events.length).map((event) => eventToken(batchId, event));",
  },
  {
    name: "a task that has been woken is published by nobody",
    file: "engine/wake.ts",
    find: "woken.map((taskId) => executeMessage(batch, taskId)),",
    replace: "woken.slice(woken.length).map((taskId) => executeMessage(batch, taskId)),",
  },
  {
    name: "an event between look and parking is missed",
    file: "engine/execute.ts",
    find: 'if (outcome.kind === "parked" && outcome.events) await this.#wakeIfSent(batch, task);',
    replace: "",
  },
  {
    name: "an event that came while the parker died is missed",
    file: "engine/arrive.ts",
    find: "if (await wakeIfSent({ dependencies, logs }, batch, found)) return undefined;",
    replace: "void wakeIfSent;",
  },
  {
    name: "an early completion from outside is dropped",
    file: "engine/complete.ts",
    find: "    await keepCompletion(this.#dependencies, { batchId: batch.batchId, taskId }, told);\n",
    replace: "    void keepCompletion;\n",
  },
  {
    name: "a completion that came before its task parked is missed",
    file: "engine/execute.ts",
    find: 'if (outcome.kind === "parked" && outcome.reason === "completion") await this.#goOnIfKept(batch, task);',
    replace: "",
  },
  {
    name: "a completion between the look at its task and its keeping is missed",
    file: "engine/complete.ts",
    find: "    const isToTry = found && awaitsCompletion(found.log);\n",
    replace: "    const isToTry = found && found.log.taskId.length === 0;\n",
  },
  {
    name: "an ending that came about by our own late write is passed on by nobody",
    file: "engine/complete.ts",
    find: "    return this.#lookAgain(batch, task, told, since);\n",
    replace: "    await this.#lookAgain(batch, task, told, since);\n    return undefined;\n",
  },
  {
    name: "a completion that came while the parker died is missed",
    file: "engine/arrive.ts",
    find: "  if (kept) {\n",
    replace: "  if (kept && found.log.taskId.length === 0) {\n",
  },
  {
    name: "the last completion that is kept stands",
    file: "engine/kept-completions.ts",
    find: '  await commitOwned(store, { kind: "create", key: keptKey({ batchId, taskId }), data });',
    replace:
      '  const { document } = await store.get(keptKey({ batchId, taskId }));\n  await commitOwned(store, document ? { kind: "update", version: document.version, key: keptKey({ batchId, taskId }), data } : { kind: "create", key: keptKey({ batchId, taskId }), data });',
  },
  {
    name: "the last event of a name stands",
    file: "engine/events.ts",
    find: '  const kept = await commitOwned(store, { kind: "create", key: eventKey(batchId, event), data });',
    replace:
      '  const { document } = await store.get(eventKey(batchId, event));\n  const kept = await commitOwned(store, document ? { kind: "update", version: document.version, key: eventKey(batchId, event), data } : { kind: "create", key: eventKey(batchId, event), data });',
  },
  {
    name: "a callback that two send is sent by nobody",
    file: "engine/deliver-callback.ts",
    find: "  if (!claimed) return lookLater(dependencies, callbackId);",
    replace: "  if (!claimed) return;",
  },
  {
    name: "a failed callback is not tried again",
    file: "engine/deliver-callback.ts",
    find: '    if (state === "PENDING") await timer.schedule(callbackMessage(callbackId), dueSeconds * 1_000);',
    replace: "    void [timer, state, dueSeconds];",
  },
  {
    name: "a callback made anew for every send",
    file: "engine/deliver-callback.ts",
    find: "    occurredAt: new Date(occurredAt).toISOString(),",
    replace:
      "    occurredAt: new Date(occurredAt + (globalThis.sends = (globalThis.sends ?? 0) + 1)).toISOString(),",
  },
  {
    name: "a crash after the end loses the callback until the sweep",
    file: "engine/arrive.ts",
    find: "        ...finalCallbackMessages(batch.batchId, task),\n",
    replace: "",
  },
  {
    name: "a crash after an ending from outside loses the callback until the sweep",
    file: "engine/complete.ts",
    find: "    if (callbacks.length > 0) await",
    replace: "    if (callbacks.length > 1) await",
  },
  {
    name: "a lost write of a callback is taken for somebody else's",
    file: "engine/deliver-callback.ts",
    find: "    if (!(await this.#write(failed))) return lookLater(this.#dependencies, callbackId);",
    replace: "    if (!(await this.#write(failed))) return;",
  },
  {
    name: "a store that fails fails the task: parents",
    file: "engine/parents.ts",
    find: "    return insist(this.#dependencies, () => this.#outcome(batch, taskId));",
    replace: "    return this.#outcome(batch, taskId);",
  },
  {
    name: "a store that fails fails the task: steps",
    file: "engine/step-memory.ts",
    find: "    return insist(this.#dependencies, work);",
    replace: "    return work();",
  },
  {
    name: "nothing is inherited",
    file: "engine/retry.ts",
    find: "    await commitEachOwned(store, writes.slice(first, first + limits.writesPerCommit));",
    replace: "    void [store, first];",
  },
  {
    name: "inherited although the rule is another",
    file: "core/inherit.ts",
    find: "      runsAfterSuccesses(graph, task)",
    replace: "      runsAfterSuccesses !== undefined",
  },
  {
    name: "inherited below a task that runs again",
    file: "core/inherit.ts",
    find: "      task.after.every((parent) => inherited.has(parent)) &&",
    replace: "      task.after.every((parent) => succeeded(parent)) &&",
  },
  {
    name: "the definition that is deployed now",
    file: "engine/batches.ts",
    find: '    if (outcome.kind === "won") this.#remember(batch, graph);',
    replace: "    this.#remember(batch, graph);",
  },
  {
    name: "any one parent is enough",
    file: "core/joins.ts",
    find: "  if (counts.ended !== shape.parents.length) return wait;",
    replace: "  if (counts.ended === 0) return wait;",
  },
  {
    name: "a skip is no failure for those below",
    file: "core/joins.ts",
    find: '  if (ending.status === "SKIPPED") return ending.reason === "upstream_failed";',
    replace: '  if (ending.status === "SKIPPED") return false;',
  },
  {
    name: "lost leases count as failures of the task",
    file: "core/limits.ts",
    find: "  lostLeases: 10,",
    replace: "  lostLeases: 0,",
  },
  {
    name: "locks of a cancelled task are kept",
    file: "engine/cancel.ts",
    find: "    if (!isGivenBack) await records.release(log, dependencies.ids.unique);\n",
    replace: "    void isGivenBack;\n",
  },
  {
    name: "a large result is stored after the commit",
    file: "engine/results.ts",
    find: '  await objects.write({ bucket, object }, Buffer.from(text), "application/json");',
    replace:
      '  queueMicrotask(() => void objects.write({ bucket, object }, Buffer.from(text), "application/json").catch(() => undefined));',
  },
];
