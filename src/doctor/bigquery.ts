import { permissions } from "../composition/permissions.ts";
import { defaults } from "../core/limits.ts";
import type { AccountChecks, WarehouseChecks } from "../ports/checks.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { projectPermissionGroup } from "./project-permissions.ts";

const service = "bigquery.googleapis.com";

/** The dataset, the archive of callbacks in it, and who may run jobs. */
export function bigQueryGroups(
  context: CloudContext,
  checks: WarehouseChecks,
  accounts: AccountChecks,
): CheckGroup[] {
  return [
    datasetGroup(context, checks),
    archiveGroup(context, checks),
    projectPermissionGroup("bigquery.permissions", { context, accounts, set: permissions.bigQueryJobs }),
  ];
}

function datasetGroup(context: CloudContext, checks: WarehouseChecks): CheckGroup {
  const { dataset, bigQueryLocation, projectId } = context.google;
  const location = bigQueryLocation ?? "US";
  return {
    id: "bigquery.dataset",
    subject: dataset,
    service,
    async run(signal) {
      const found = await checks.datasetLocation(signal);
      const exists = judge("bigquery.dataset", {
        subject: dataset,
        holds: found !== undefined,
        found: found === undefined ? "there is no such dataset" : `in ${found}`,
        expected: "a dataset",
        otherwise: "warning",
        remedy: `Baton makes it, in ${location}, when it may (bigquery.datasets.create). Better deploy it, or make it yourself.`,
        deployCommand: deployCommand(context.google),
        commands: [`bq --location=${location} mk --dataset ${projectId}:${dataset}`],
      });
      if (found === undefined || bigQueryLocation === undefined) return [exists];
      return [exists, place(dataset, found, bigQueryLocation)];
    },
  };
}

/** Jobs that run elsewhere don't find the dataset. */
function place(dataset: string, found: string, wanted: string): CheckResult {
  return judge("bigquery.location", {
    subject: dataset,
    holds: found.toLowerCase() === wanted.toLowerCase(),
    found,
    expected: `${wanted} (BATON_BIGQUERY_LOCATION)`,
    remedy: `Set BATON_BIGQUERY_LOCATION=${found}, or leave it out: jobs run where the dataset is.`,
  });
}

/** Made with the first callback: until then there is nothing to look at. */
function archiveGroup({ google }: CloudContext, checks: WarehouseChecks): CheckGroup {
  const subject = `${google.dataset}.${defaults.callbackTable}`;
  return {
    id: "bigquery.callbacks",
    subject,
    service,
    async run(signal) {
      const missing = await checks.missingCallbackColumns(defaults.callbackTable, signal);
      return [
        judge("bigquery.callbacks", {
          subject,
          holds: missing === undefined || missing.length === 0,
          found: missing?.length ? `it lacks ${missing.join(", ")}` : archiveState(missing),
          expected: "no such table yet, or one with all columns",
          remedy:
            "Rename the table: Baton makes a new one. Or add the columns; docs/callbacks.md has their types.",
        }),
      ];
    },
  };
}

function archiveState(missing: readonly string[] | undefined): string {
  return missing === undefined ? "it is made with the first callback" : "it has all columns";
}
