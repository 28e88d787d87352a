// Writes lines to the log, as the parent says.
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { batchTrace } from "../../src/core/messages.ts";

const here = batchTrace("b-1");
const logger = createLogger("info", { projectId: "test-project", place: () => here });
logger.debug("not wanted");
logger.info("a line of the batch", { batchId: "b-1", taskId: "load", attempt: 2, rows: 7 });
logger.warn("a line of another batch", { batchId: "b-2", workflowId: "sales" });
logger.error("a line of no batch", { code: "INTERNAL", absent: undefined });
logger.error("sent with whsec_c2VjcmV0 without success", {
  error: "header was: Bearer abc.def-ghi",
  nested: { at: ["bearer xyz"] },
});
createLogger("info").info("without a project", { batchId: "b-1" });
const unreachable = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") });
const more: Record<string, unknown> = {
  error: unreachable,
  all: [new AggregateError([new Error("one"), new Error("two")])],
  map: new Map([["a", new Set([1n])]]),
  url: new URL("https://user:hunter2@example.com/a?token=hunter2"),
  day: new Date(0),
  nan: Number.NaN,
};
more.self = more;
Reflect.apply(logger.error, logger, ["with an error", more]);
Reflect.apply(logger.error, logger, [unreachable]);
logger.info("what the line says", { message: "a field", severity: "HIGH", time: "noon" });
