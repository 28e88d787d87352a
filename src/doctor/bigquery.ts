import * as z from "zod";
import { permissions } from "../configuration/google-requirements.ts";
import { archiveColumns } from "../core/callback.ts";
import { defaults } from "../core/limits.ts";
import { type CheckGroup, checkResult, singleCheck } from "./check.ts";
import {
  type CloudContext,
  projectPermissionGroup,
  readResource,
  resourceGroup,
  serviceHosts,
} from "./google.ts";

const DatasetSchema = z.object({ datasetReference: z.looseObject({}), location: z.string().default("") });
const TableSchema = z.object({
  tableReference: z.looseObject({}),
  schema: z.object({ fields: z.array(z.object({ name: z.string() })).default([]) }).default({ fields: [] }),
});

/** The dataset, the archive of callbacks in it, and the permission to run jobs. */
export function bigQueryGroups(context: CloudContext): CheckGroup[] {
  const { dataset, bigQueryLocation, projectId } = context.google;
  const path = `/bigquery/v2/projects/${projectId}/datasets/${dataset}`;
  const datasetGroup = resourceGroup(context, "bigquery.dataset", dataset, {
    service: "bigQuery",
    path,
    answer: DatasetSchema,
    kind: "dataset",
    describe: ({ location }) => `in ${location}`,
    finding: {
      severity: "warning",
      remedy: `Deploy it. Otherwise Baton creates it in ${bigQueryLocation ?? "US"}, if it may.`,
      deploys: true,
    },
    checkSettings({ location }) {
      if (bigQueryLocation === undefined) return [];
      const result = checkResult("bigquery.location", dataset, {
        // A job that runs in another location does not find the dataset.
        holds: location.toLowerCase() === bigQueryLocation.toLowerCase(),
        found: location,
        expected: `${bigQueryLocation} (BATON_BIGQUERY_LOCATION)`,
        remedy: `Set BATON_BIGQUERY_LOCATION=${location}, or leave it out: jobs run where the dataset is.`,
      });
      return [result];
    },
  });
  return [
    datasetGroup,
    archiveGroup(context, `${path}/tables/${defaults.callbackTable}`),
    projectPermissionGroup(context, "bigquery.permissions", permissions.bigQueryJobs),
  ];
}

/** Baton creates the table with the first callback. */
function archiveGroup(context: CloudContext, path: string): CheckGroup {
  const find = async (signal: AbortSignal) => {
    const table = await readResource(context, "bigQuery", path, TableSchema, signal);
    const names = table?.schema.fields.map(({ name }) => name.toLowerCase());
    const missing = names ? archiveColumns.filter((column) => !names.includes(column)) : [];
    const complete = names ? "it has all columns" : "it is created with the first callback";
    return {
      holds: missing.length === 0,
      found: missing.length > 0 ? `it lacks ${missing.join(", ")}` : complete,
      expected: "no such table yet, or one with all columns",
      remedy:
        "Rename the table: Baton creates a new one. Or add the columns; docs/callbacks.md has their types.",
    };
  };
  const subject = `${context.google.dataset}.${defaults.callbackTable}`;
  return singleCheck("bigquery.callbacks", subject, find, serviceHosts.bigQuery);
}
