import { archiveFile, FileDropped, fileDrop, loadFile, renderReport, runQuery, workflow } from "baton-dag";
import { dataformOr, powerBiOr } from "../lib/sales-services.ts";
import { summarySql } from "../sql/sales-summary.ts";

/**
 * Keeps a summary and a chart of sales up to date: drop a file into `sales/` of the inbox. Dataform computes the
 * summary if SALES_DATAFORM_REPOSITORY (and …_COMMITISH) names a repository. Power BI makes the report if
 * SALES_POWERBI_WORKSPACE and …_DATASET name a model. Otherwise this workflow does both.
 */
export default workflow("sales-refresh", { input: FileDropped, on: [fileDrop("sales/*.csv")] })
  .task("load", loadFile({ table: "sales", mode: "merge", key: ["order_id"] }))
  .task("summarise", dataformOr(runQuery({ sql: summarySql, into: "daily_sales_summary" })), {
    after: ["load"],
  })
  .task(
    "report",
    powerBiOr(
      renderReport({
        title: "Sales per day",
        sql: "SELECT day, category, revenue FROM daily_sales_summary ORDER BY day, category",
        x: "day",
        y: "revenue",
        series: "category",
        kind: "bar",
        file: "sales.html",
      }),
    ),
    { after: ["summarise"] },
  )
  .task("archive", archiveFile({ to: "archive/" }), { after: ["load"] });
