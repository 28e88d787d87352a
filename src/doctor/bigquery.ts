import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { archiveColumns } from "../core/callback.ts";
import { defaults } from "../core/limits.ts";
import { type CheckGroup, judge } from "./check.ts";
import { type CloudContext, projectPermissionGroup, resourceGroup, undefinedIfMissing } from "./google.ts";

const service = "bigquery.googleapis.com";

const DatasetSchema = z.object({ datasetReference: z.looseObject({}), location: z.string().default("") });
const TableSchema = z.object({
  tableReference: z.looseObject({}),
  schema: z.object({ fields: z.array(z.object({ name: z.string() })).default([]) }).default({ fields: [] }),
});

/** The dataset, the archive of callbacks in it, and who may run jobs. */
export function bigQueryGroups(context: CloudContext): CheckGroup[] {
  const { dataset, bigQueryLocation, projectId } = context.google;
  const path = `/bigquery/v2/projects/${projectId}/datasets/${dataset}`;
  const location = bigQueryLocation ?? "US";
  const datasetGroup = resourceGroup(context, {
    id: "bigquery.dataset",
    subject: dataset,
    service,
    rest: context.services.bigQuery,
    path,
    answer: DatasetSchema,
    kind: "dataset",
    describe: (found) => `in ${found.location}`,
    otherwise: "warning",
    remedy: `Baton makes it, in ${location}, when it may (bigquery.datasets.create). Better deploy it, or make it yourself.`,
    create: `bq --location=${location} mk --dataset ${projectId}:${dataset}`,
    checkSettings: (found) =>
      bigQueryLocation === undefined
        ? []
        : [
            judge("bigquery.location", {
              subject: dataset,
              // Jobs that run elsewhere do not find the dataset.
              holds: found.location.toLowerCase() === bigQueryLocation.toLowerCase(),
              found: found.location,
              expected: `${bigQueryLocation} (BATON_BIGQUERY_LOCATION)`,
              remedy: `Set BATON_BIGQUERY_LOCATION=${found.location}, or leave it out: jobs run where the dataset is.`,
            }),
          ],
  });
  return [
    datasetGroup,
    archiveGroup(context, `${path}/tables/${defaults.callbackTable}`),
    projectPermissionGroup(context, "bigquery.permissions", permissions.bigQueryJobs),
  ];
}

/** The table is made with the first callback. */
function archiveGroup({ google, services }: CloudContext, path: string): CheckGroup {
  const subject = `${google.dataset}.${defaults.callbackTable}`;
  return {
    id: "bigquery.callbacks",
    subject,
    service,
    async run(signal) {
      const call = services.bigQuery.call({ method: "GET", path, answer: TableSchema, signal });
      const names = (await undefinedIfMissing(call))?.schema.fields.map(({ name }) => name.toLowerCase());
      const missing = names ? archiveColumns.filter((column) => !names.includes(column)) : [];
      return [
        judge("bigquery.callbacks", {
          subject,
          holds: missing.length === 0,
          found:
            missing.length > 0
              ? `it lacks ${missing.join(", ")}`
              : names
                ? "it has all columns"
                : "it is made with the first callback",
          expected: "no such table yet, or one with all columns",
          remedy:
            "Rename the table: Baton makes a new one. Or add the columns; docs/callbacks.md has their types.",
        }),
      ];
    },
  };
}
