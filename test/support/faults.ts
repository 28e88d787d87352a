import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import type { DocumentStore, Write } from "../../src/ports/store.ts";

type Calls = { readonly [Name in keyof DocumentStore]?: DocumentStore[Name] };

/** The store with some of its calls replaced. */
export function withStore(
  dependencies: Dependencies,
  replace: (store: DocumentStore) => Calls,
): Dependencies {
  const { store } = dependencies;
  const calls = replace(store);
  return {
    ...dependencies,
    store: {
      get: calls.get ?? ((key) => store.get(key)),
      commit: calls.commit ?? ((writes) => store.commit(writes)),
      commitEach: calls.commitEach ?? ((writes) => store.commitEach(writes)),
      count: calls.count ?? ((collection, condition) => store.count(collection, condition)),
      query:
        calls.query ?? ((collection, conditions, options) => store.query(collection, conditions, options)),
      newest: calls.newest ?? ((...read) => store.newest(...read)),
      inOrder: calls.inOrder ?? ((...read) => store.inOrder(...read)),
      mark: calls.mark ?? (() => store.mark()),
      sync: calls.sync ?? ((since) => store.sync(since)),
    },
  };
}

/** Lets `publish` decide about every message: throw, drop it (false), or let it pass (true). */
export function withPublish(
  dependencies: Dependencies,
  decide: (message: OutgoingMessage) => boolean,
): Dependencies {
  const { broker } = dependencies;
  return {
    ...dependencies,
    broker: { publish: async (messages) => broker.publish(messages.filter(decide)) },
  };
}

/** Another handler's write in the same turn fails, and takes all that the turn has written with it. */
export function undoTurn(app: EmbeddedApp): void {
  const undone = async () => app.broker.schedule({ queue: "x", message: { kind: "sweep" } }, Number.NaN);
  undone().catch(() => undefined);
}

/** Whether a write settles or otherwise ends a task. */
export function statusOf(write: Write | undefined): unknown {
  return write && write.kind !== "delete" ? write.data.status : undefined;
}

/** True the first time, false from then on. */
export function firstTime(): () => boolean {
  let first = true;
  return () => {
    const was = first;
    first = false;
    return was;
  };
}
