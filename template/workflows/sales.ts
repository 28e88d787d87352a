import { archiveFile, FileDropped, fileDrop, loadFile, renderReport, runQuery, workflow } from "baton-dag";

/** Keeps a summary and a chart of sales up to date. A file that is dropped into `sales/` of the inbox starts it. */
export default workflow("sales", { input: FileDropped, on: [fileDrop("sales/*.csv")] })
  .task("load", loadFile({ table: "sales", mode: "merge", key: ["order_id"] }))
  .task(
    "summarise",
    runQuery({
      sql: "SELECT day, category, sum(amount) AS revenue FROM sales GROUP BY day, category",
      into: "daily_sales",
    }),
    { after: ["load"] },
  )
  .task(
    "report",
    renderReport({
      title: "Sales per day",
      sql: "SELECT day, category, revenue FROM daily_sales ORDER BY day, category",
      x: "day",
      y: "revenue",
      series: "category",
      file: "sales.html",
    }),
    { after: ["summarise"] },
  )
  .task("archive", archiveFile({ to: "archive/" }), { after: ["load"] });
