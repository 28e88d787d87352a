import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { expiryField, toIndexFile } from "../../src/adapters/firestore/encoding.ts";
import { collections } from "../../src/core/storage/collections.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const field = files.resource("google_firestore_field.override");

test("indexes, exemptions and TTL policies are those of the index file, which the adapter writes", () => {
  const [, name = ""] =
    /file\("\$\{path\.module\}\/([^"]+)"\)\)\.fieldOverrides/.exec(String(files.locals.firestore_fields)) ??
    [];
  const text = readFileSync(new URL(`../../infra/${name}`, import.meta.url), "utf8");
  expect(JSON.parse(text)).toEqual(toIndexFile());
  expect(field).toMatchObject({
    for_each: expression(
      `{ for field in local.firestore_fields : "\${field.collectionGroup}/\${field.fieldPath}" => field }`,
    ),
    collection: expression("each.value.collectionGroup"),
    field: expression("each.value.fieldPath"),
  });
});

test("each field gets the indexes of the file, and none where it says none", () => {
  expect(inner(field, "index_config")).toEqual({
    dynamic: {
      indexes: [
        {
          for_each: expression("each.value.indexes"),
          content: [
            {
              query_scope: expression("indexes.value.queryScope"),
              order: expression("try(indexes.value.order, null)"),
              array_config: expression("try(indexes.value.arrayConfig, null)"),
            },
          ],
        },
      ],
    },
  });
});

test("the fields that the file says so of have a TTL policy: one in each collection that is not kept for ever", () => {
  expect(field.dynamic).toEqual({
    ttl_config: [{ for_each: expression("each.value.ttl ? [true] : []"), content: [{}] }],
  });
  const expiring = toIndexFile().fieldOverrides.filter(({ ttl }) => ttl);
  const kept = Object.entries(collections).filter(([, { kept }]) => kept !== "for ever");
  expect(expiring.map(({ collectionGroup, fieldPath }) => [collectionGroup, fieldPath])).toEqual(
    kept.map(([name]) => [name, expiryField]),
  );
});

test("Terraform makes every composite index of the file, each under a key of its own", () => {
  const index = files.resource("google_firestore_index.list");
  expect(String(files.locals.firestore_indexes)).toContain('firestore.indexes.json")).indexes');
  expect(index).toMatchObject({
    for_each: expression(
      `{
    for index in local.firestore_indexes :
    join("/", concat([index.collectionGroup], index.fields[*].fieldPath)) => index
  }`,
    ),
    collection: expression("each.value.collectionGroup"),
    query_scope: expression("each.value.queryScope"),
  });
  const keys = toIndexFile().indexes.map(({ fields }) => fields.map(({ fieldPath }) => fieldPath).join("/"));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length).toBeGreaterThan(0);
});

test("no composite index begins with a time, whose end would take all writes", () => {
  for (const { fields } of toIndexFile().indexes) {
    expect(fields[0]?.order).toBe("ASCENDING");
    expect(["workflowId", "shard"]).toContain(fields[0]?.fieldPath);
  }
});

test("the database is what Baton was made sure of on, protected, and can be restored", () => {
  expect(files.resource("google_firestore_database.this")).toMatchObject({
    type: "FIRESTORE_NATIVE",
    database_edition: "STANDARD",
    point_in_time_recovery_enablement: "POINT_IN_TIME_RECOVERY_ENABLED",
    delete_protection_state: expression(
      'var.delete_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"',
    ),
  });
  expect(files.variables.delete_protection?.default).toBe(true);
});
