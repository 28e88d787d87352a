import type { DatabaseChecks, DatabaseSettings } from "../ports/checks.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { deployCommand } from "./deploy-command.ts";
import { gcloud } from "./gcloud.ts";

/** How the database is set up. */
export function databaseGroup({ google }: CloudContext, checks: DatabaseChecks): CheckGroup {
  const subject = google.databaseId;
  return {
    id: "firestore.database",
    subject,
    service: "firestore.googleapis.com",
    async run() {
      const found = await checks.database();
      const exists = judge("firestore.database", {
        subject,
        holds: found !== undefined,
        found: found ? `in ${found.location}` : "there is no such database",
        expected: `a database ${subject} in ${google.projectId}`,
        remedy: "Deploy it, create it, or name another one by BATON_DATABASE.",
        deployCommand: deployCommand(google),
        commands: [create(google, subject)],
      });
      return found ? [exists, ...settings(google, found)] : [exists];
    },
  };
}

type Google = CloudContext["google"];

function create({ projectId, location }: Google, database: string): string {
  return gcloud("firestore databases create", [], {
    database,
    location: location || "<region>",
    type: "firestore-native",
    edition: "standard",
    project: projectId,
  });
}

function settings(google: Google, found: DatabaseSettings): CheckResult[] {
  const subject = google.databaseId;
  const another = {
    remedy: "It can't be changed: create another database and name it by BATON_DATABASE.",
    commands: [create(google, "<another name>")],
  };
  const update = (flag: string) => [
    gcloud("firestore databases update", [], { database: subject, [flag]: true, project: google.projectId }),
  ];
  return [
    judge("firestore.type", {
      subject,
      holds: found.type === "FIRESTORE_NATIVE",
      found: found.type,
      expected: "FIRESTORE_NATIVE",
      ...another,
    }),
    judge("firestore.edition", {
      subject,
      holds: found.edition === "STANDARD",
      found: found.edition,
      expected: "STANDARD: what Baton's writes and counts rest on, and cost, was made sure of there",
      ...another,
    }),
    judge("firestore.location", {
      subject,
      holds: isNear(found.location, google.location),
      found: found.location,
      expected: `${google.location || "BATON_LOCATION"}, or several regions around it`,
      otherwise: google.location === "" ? "unknown" : "warning",
      remedy: "Every write crosses regions. Deploy the function beside the database, or create another one.",
    }),
    judge("firestore.recovery", {
      subject,
      holds: found.recoversPointInTime,
      found: found.recoversPointInTime ? "the last seven days" : "the last hour only",
      expected: "seven days",
      otherwise: "warning",
      remedy: "Let the database keep seven days of its past; that is billed as storage.",
      commands: update("enable-pitr"),
    }),
    judge("firestore.protection", {
      subject,
      holds: found.isProtected,
      found: found.isProtected ? "it is protected" : "one command deletes it",
      expected: "it is protected",
      otherwise: "warning",
      remedy: "Protect it.",
      commands: update("delete-protection"),
    }),
  ];
}

/** Names of several regions, such as `eur3`, have no dash. */
function isNear(found: string, wanted: string): boolean {
  return found === wanted || !found.includes("-");
}
