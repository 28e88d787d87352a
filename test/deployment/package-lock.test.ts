import { expect, test } from "vitest";
import { LockSchema, productionPackages } from "../../src/deployment/package-lock.ts";

const framework = "@google-cloud/functions-framework";
const none = { dependencies: {}, optionalDependencies: {} };

/** A lock with Baton, the framework and these packages, by their folders below node_modules. */
function lockOf(packages: Readonly<Record<string, object>>) {
  const all = {
    "": { name: "app" },
    "node_modules/baton-dag": { version: "0.2.0", dependencies: { [framework]: "5.0.5", zod: "4.6.7" } },
    [`node_modules/${framework}`]: { version: "5.0.5", dependencies: { express: "^5" } },
    "node_modules/express": { version: "5.1.0", integrity: "sha512-x" },
    "node_modules/zod": { version: "4.6.7" },
    ...packages,
  };
  return LockSchema.parse({ lockfileVersion: 3, packages: all });
}

const foldersOf = (packages: object) =>
  Object.keys(packages).map((path) => path.replaceAll("node_modules/", "~"));

test("a project without packages of its own gets the framework and what that needs, and not Baton's zod", () => {
  const { dependencies, packages, problems } = productionPackages(
    lockOf({}),
    { ...none, dependencies: { "baton-dag": "0.2.0" } },
    "",
  );
  expect(problems).toEqual([]);
  expect(dependencies).toEqual({ [framework]: "5.0.5" });
  expect(foldersOf(packages)).toEqual([`~${framework}`, "~express"]);
  // As npm wrote it.
  expect(packages["node_modules/express"]).toEqual({ version: "5.1.0", integrity: "sha512-x" });
});

test("a dependency brings its own dependencies: nested versions, peers and optional ones, and no others", () => {
  const lock = lockOf({
    "node_modules/a": {
      version: "1.0.0",
      dependencies: { b: "^2" },
      optionalDependencies: { native: "1", missing: "1" },
      peerDependencies: { peer: "1", unused: "1" },
      peerDependenciesMeta: { unused: { optional: true } },
    },
    "node_modules/a/node_modules/b": { version: "2.0.0", dependencies: { c: "1" } },
    "node_modules/b": { version: "1.0.0" },
    "node_modules/c": { version: "1.0.0", devOptional: true },
    "node_modules/native": { version: "1.0.0", optional: true, os: ["linux"] },
    "node_modules/peer": { version: "1.0.0", peer: true },
    "node_modules/unused": { version: "1.0.0" },
    "node_modules/typescript": { version: "7.0.2", dev: true },
  });
  const { packages, problems } = productionPackages(lock, { ...none, dependencies: { a: "^1" } }, "");
  expect(problems).toEqual([]);
  expect(foldersOf(packages)).toEqual(
    [`~${framework}`, "~a", "~a/~b", "~c", "~express", "~native", "~peer"].sort(),
  );
  expect(packages["node_modules/c"]).toEqual({ version: "1.0.0" });
  expect(packages["node_modules/native"]).toEqual({ version: "1.0.0", optional: true, os: ["linux"] });
});

test("in a workspace, packages of the project's folder are at the top, and Baton may be a link", () => {
  const lock = lockOf({
    "node_modules/baton-dag": { resolved: "tools/baton", link: true },
    "tools/baton": { version: "0.2.0", dependencies: { [framework]: "5.0.5" } },
    "apps/sales": { version: "0.1.0" },
    "apps/sales/node_modules/a": { version: "2.0.0" },
    "node_modules/a": { version: "1.0.0" },
  });
  const { packages, problems } = productionPackages(
    lock,
    { ...none, dependencies: { a: "2" } },
    "apps/sales",
  );
  expect(problems).toEqual([]);
  expect(packages["node_modules/a"]).toEqual({ version: "2.0.0" });
});

test("two versions in one place are reported", () => {
  const lock = lockOf({
    "apps/sales/node_modules/a": { version: "2.0.0" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/express": { version: "5.1.0", dependencies: { a: "1" } },
  });
  const { problems } = productionPackages(lock, { ...none, dependencies: { a: "2" } }, "apps/sales");
  expect(problems).toEqual([expect.stringContaining("a is needed in two versions")]);
});

test.each([
  ["a link", { resolved: "../shared", link: true }],
  ["a tarball", { version: "1.0.0", resolved: "file:../shared.tgz" }],
])("%s of this machine can't be installed at Google", (_, entry) => {
  const lock = lockOf({ "node_modules/shared": entry });
  const { problems } = productionPackages(lock, { ...none, dependencies: { shared: "1" } }, "");
  expect(problems).toEqual([
    "shared is a folder or a file of this machine, which Google's build can't install",
  ]);
});

test("a package that the lock lacks is reported, with what needs it", () => {
  const lock = lockOf({ "node_modules/express": { version: "5.1.0", dependencies: { gone: "1" } } });
  const { problems } = productionPackages(lock, { ...none, dependencies: { absent: "1" } }, "");
  expect(problems.toSorted()).toEqual([
    "package-lock.json lacks absent, which package.json needs: run npm install",
    "package-lock.json lacks gone, which express needs: run npm install",
  ]);
});
