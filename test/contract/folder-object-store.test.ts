import { link, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe } from "vitest";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import { temporaryFolder } from "../support/app.ts";
import { describeObjectStore } from "./object-store-contract.ts";
import type { ObjectStoreUnderTest } from "./object-store-place.ts";

async function open(): Promise<ObjectStoreUnderTest> {
  const bucket = "inbox";
  const folder = join(temporaryFolder(), bucket);
  return {
    store: new FolderObjectStore({ buckets: { [bucket]: folder } }),
    bucket,
    async listing() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return files.map((file) => join(file.parentPath, file.name).slice(folder.length + 1)).sort();
    },
    async beginMove(from, to) {
      await mkdir(dirname(join(folder, to.object)), { recursive: true });
      await link(join(folder, from.object), join(folder, to.object));
    },
  };
}

describe("folders as buckets keep the contract", () => describeObjectStore(open));
