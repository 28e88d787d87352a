// Workflows that use every service between them.
import {
  archiveFile,
  dataform,
  FileDropped,
  fileDrop,
  http,
  loadFile,
  powerBiRefresh,
  renderReport,
  runQuery,
  TaskError,
  type TaskSpec,
  workflow,
} from "baton-dag";
import * as z from "zod";

const { TEST_DATAFORM_REPOSITORY: repository, TEST_POWERBI_DATASET: dataset } = process.env;

/** With the variables of the test, Dataform summarises and Power BI reports. */
const summarise: TaskSpec<unknown> = repository
  ? dataform({ repository, gitCommitish: "main" })
  : runQuery({
      sql: "SELECT DATE(ordered_at) AS day, SUM(quantity) AS units FROM orders GROUP BY day",
      into: "daily_orders",
    });
const report: TaskSpec<unknown> = dataset
  ? powerBiRefresh({ dataset, workspace: "w-1", ifRunning: "wait" })
  : renderReport({
      title: "Orders per day",
      sql: "SELECT day, units FROM daily_orders ORDER BY day",
      x: "day",
      y: "units",
      file: "orders.html",
    });

export const orders = workflow("orders", { input: FileDropped, on: [fileDrop("orders/*.csv")] })
  .task("load", loadFile({ table: "orders", mode: "merge", key: ["order_id"] }))
  .task("summarise", summarise, { after: ["load"] })
  .task("report", report, { after: ["summarise"] })
  .task("archive", archiveFile({ to: "archive/" }), { after: ["load"] });

/** Reads an object and writes another one. */
export const digest = workflow("digest", { input: z.object({ file: z.string() }) })
  .task(
    "read",
    async ({ input, services, count }) => {
      const bytes = await services.objects.read({ bucket: "inbox", object: input.file });
      count("bytes", bytes.length);
      return { bytes: bytes.length };
    },
    { queue: "documents", idempotency: { ttl: "1h" } },
  )
  .task(
    "write",
    async ({ input, parent, services }) => {
      const page = Buffer.from(JSON.stringify(await parent("read")));
      const name = { bucket: "reports", object: `${input.file}.json` };
      return (await services.objects.write(name, page, "application/json")).uri;
    },
    { after: ["read"] },
  );

const Page = z.object({ url: z.url(), callback_url: z.url() });

/** Fetches a page in steps with a pause between them, and reports to the caller. */
export const page = workflow("page", { input: Page }).task(
  "fetch",
  async ({ input, step, services, callback, signal }) => {
    await step.sleep("delay", "1s");
    const length = await step("page", async () => {
      const response = await services.http.request({
        url: input.url,
        method: "GET",
        headers: {},
        body: undefined,
        timeoutSeconds: 20,
        maxResponseBytes: 1_000_000,
        signal,
      });
      if (response.status !== 200) throw new TaskError(`The page answered ${response.status}`);
      return response.body.length;
    });
    await callback.progress({ percent: 60, done: "page fetched" });
    return { result: { url: input.url, length }, summary: { length } };
  },
  {
    queue: "websites",
    idempotency: { key: { fields: ["url"] }, ttl: "7d" },
    callback: { url: "{{ input.callback_url }}", archive: { key: ["url"] } },
  },
);

export const notice = workflow("notice", { input: z.object({ url: z.url(), message: z.string() }) }).task(
  "send",
  http({ url: "{{ input.url }}", body: { message: "{{ input.message }}" } }),
  { queue: "notifications", idempotency: { ttl: "366d" } },
);
