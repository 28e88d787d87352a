import { addressRefusal, publicAddressesOnly } from "../../src/adapters/http/guard.ts";
import { GuardedHttpClient } from "../../src/adapters/http/http-client.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { LocalTaskRunner } from "../../src/runtime/task-runner.ts";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { FixedCatalog } from "../../src/workflow/catalog.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import type { TestAppOptions } from "../../test/support/app.ts";

const here = "127.0.0.1";

/** For a test app whose tasks reach the Internet: this one address is treated as public, every other as usual. */
export function publicHere(workflow: BuiltWorkflow): NonNullable<TestAppOptions["around"]> {
  const judge = (address: string) => (address === here ? undefined : addressRefusal(address));
  const http = new GuardedHttpClient({
    allowPrivate: false,
    guard: { ...publicAddressesOnly, refusalReason: judge },
  });
  const catalog = new FixedCatalog([workflow]);
  return (plain: Dependencies) => {
    const { callbacks, clock, ids, logger, objects } = plain;
    const runner = new LocalTaskRunner({
      code: {
        findType: (_workflowId, type) => builtInTaskTypes.get(type),
        findFunction: (workflowId, taskId) => catalog.taskCode(workflowId, taskId),
        findKeyFunction: (workflowId, taskId) => catalog.keyFunction(workflowId, taskId),
      },
      services: {
        http,
        objects,
        get warehouse() {
          return unused();
        },
        get dataform() {
          return unused();
        },
        get powerBi() {
          return unused();
        },
      },
      callbacks,
      secrets: { read: async () => unused() },
      clock,
      ids,
      logger,
    });
    return { ...plain, runner };
  };
}

function unused(): never {
  throw new Error("No task of these tests asks for this service");
}
