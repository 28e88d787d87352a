import * as z from "zod";
import type { DatabaseChecks, DatabaseSettings, FieldSettings, WantedField } from "../../ports/checks.ts";
import { unlessMissing } from "../remote/grpc.ts";
import { checkClientOptions, type FirestoreCheckSettings } from "./check-settings.ts";
import { mayUseDocuments } from "./document-probe.ts";
import { indexFile } from "./indexes.ts";

const DatabaseSchema = z.object({
  type: z.string().nullish(),
  databaseEdition: z.string().nullish(),
  locationId: z.string().nullish(),
  pointInTimeRecoveryEnablement: z.string().nullish(),
  deleteProtectionState: z.string().nullish(),
});

const FieldSchema = z.object({
  name: z.string(),
  indexConfig: z
    .object({
      usesAncestorConfig: z.boolean().nullish(),
      indexes: z
        .array(
          z.object({
            queryScope: z.string().nullish(),
            state: z.string().nullish(),
            fields: z
              .array(z.object({ order: z.string().nullish(), arrayConfig: z.string().nullish() }))
              .nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  ttlConfig: z.object({ state: z.string().nullish() }).nullish(),
});

/** The service lists only fields that are not the automatic ones, and wants to be asked for just those. */
const filters = ["indexConfig.usesAncestorConfig:false", "ttlConfig:*"];
const callOptions = { timeout: 15_000, maxRetries: 2 };

/** Looks at how the database is set up. Loaded and connected at its first use. */
export class FirestoreChecks implements DatabaseChecks {
  readonly #settings: FirestoreCheckSettings;
  #client: ReturnType<typeof connect> | undefined;

  constructor(settings: FirestoreCheckSettings) {
    this.#settings = settings;
  }

  get wantedFields(): readonly WantedField[] {
    return indexFile().fieldOverrides.map(({ collectionGroup, fieldPath, ttl, indexes }) => ({
      collectionGroup,
      fieldPath,
      ttl,
      indexes: indexes.map(({ order, arrayConfig, queryScope }) => ({
        mode: order ?? arrayConfig ?? "",
        scope: queryScope,
      })),
    }));
  }

  async database(): Promise<DatabaseSettings | undefined> {
    const client = await this.#open();
    const found = await unlessMissing(() => client.getDatabase({ name: this.#name() }, callOptions));
    return found && databaseSettings(DatabaseSchema.parse(found[0]));
  }

  async fields(): Promise<readonly FieldSettings[]> {
    const client = await this.#open();
    const parent = `${this.#name()}/collectionGroups/-`;
    const lists = await Promise.all(
      filters.map((filter) => client.listFields({ parent, filter }, callOptions)),
    );
    // A field that both filters find is listed twice, each time whole.
    const byName = new Map(lists.flatMap(([fields]) => fields).map((field) => [field.name, field]));
    return [...byName.values()].map((field) => fieldSettings(FieldSchema.parse(field)));
  }

  mayUseDocuments(): Promise<boolean> {
    return mayUseDocuments(this.#settings);
  }

  async close(): Promise<void> {
    if (this.#client) await (await this.#client).close();
  }

  #name(): string {
    return `projects/${this.#settings.projectId}/databases/${this.#settings.databaseId}`;
  }

  #open(): ReturnType<typeof connect> {
    this.#client ??= connect(this.#settings);
    return this.#client;
  }
}

async function connect(settings: FirestoreCheckSettings) {
  // It is no name that Node finds in a CommonJS module.
  const { FirestoreAdminClient } = (await import("@google-cloud/firestore")).default.v1;
  return new FirestoreAdminClient(await checkClientOptions(settings));
}

function databaseSettings(found: z.infer<typeof DatabaseSchema>): DatabaseSettings {
  return {
    type: found.type ?? "",
    edition: found.databaseEdition ?? "",
    location: found.locationId ?? "",
    recoversPointInTime: found.pointInTimeRecoveryEnablement === "POINT_IN_TIME_RECOVERY_ENABLED",
    isProtected: found.deleteProtectionState === "DELETE_PROTECTION_ENABLED",
  };
}

function fieldSettings({ name, indexConfig, ttlConfig }: z.infer<typeof FieldSchema>): FieldSettings {
  const [, collectionGroup = "", fieldPath = ""] =
    /\/collectionGroups\/([^/]+)\/fields\/(.+)$/s.exec(name) ?? [];
  return {
    collectionGroup,
    fieldPath,
    indexes: indexConfig?.usesAncestorConfig
      ? undefined
      : (indexConfig?.indexes ?? []).map(({ queryScope, state, fields }) => ({
          mode: fields?.[0]?.order ?? fields?.[0]?.arrayConfig ?? "",
          scope: queryScope ?? "",
          state: state ?? "",
        })),
    ttlState: ttlConfig?.state ?? undefined,
  };
}
