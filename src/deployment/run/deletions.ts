import { errorCatalog } from "../../core/error-catalog.ts";
import { BatonError } from "../../core/errors.ts";
import { commandLine } from "./commands.ts";
import { untaintCommand } from "./infrastructure-commands.ts";
import type { PlannedChange } from "./plan-changes.ts";
import type { Prepared } from "./prepare.ts";

/** Those that hold something, or that messages are lost without. Indexes and grants hold nothing: an upgrade may take them away. */
const precious =
  /^google_(firestore_database|storage_bucket|bigquery_(dataset|table)|secret_manager_secret(_version)?|cloud_tasks_queue|artifact_registry_repository|pubsub_(topic|subscription))$/;

type Deploying = Pick<Prepared, "deployment" | "tools" | "infrastructure">;

/**
 * Stops a deployment that would delete what holds data: it is nearly always one whose variables were forgotten, so that names
 * have their defaults, or one after a failure, which left something half made. Throws `DEPLOY_WOULD_DELETE`.
 */
export function demandNoDeletions(prepared: Deploying, changes: readonly PlannedChange[]): void {
  const deleted = changes.filter(({ type, actions }) => precious.test(type) && actions.includes("delete"));
  if (deleted.length === 0) return;
  const named = deleted.map(({ address, isHalfMade }) =>
    isHalfMade ? `${address}, which was made half the last time` : address,
  );
  throw new BatonError("DEPLOY_WOULD_DELETE", `This would delete ${named.join(", ")}`, {
    where: `${commandLine(prepared.infrastructure.apply)} does it all the same`,
    remedy: remedyFor(prepared, deleted),
  });
}

function remedyFor(prepared: Deploying, deleted: readonly PlannedChange[]): string {
  const halfMade = deleted.filter(({ isHalfMade }) => isHalfMade);
  const { deployment, tools } = prepared;
  const { remedy: usual } = errorCatalog.DEPLOY_WOULD_DELETE;
  if (halfMade.length === 0) return usual;
  return [
    "Keep what was made half, by what follows, and deploy again. If nothing is in it yet, the command that is named does no harm.",
    ...halfMade.map(({ address }) => `  ${commandLine(untaintCommand(deployment, tools, address))}`),
    ...(halfMade.length === deleted.length ? [] : [`For the others: ${usual}`]),
  ].join("\n");
}
