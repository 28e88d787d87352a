import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pageOf, root } from "./documentation.ts";

const pages = [
  "docs/deploy.md",
  "docs/operations.md",
  "docs/google-cloud.md",
  "docs/tasks.md",
  "docs/tracing.md",
  "infra/README.md",
];

/** gcloud takes a second for each: set this to let it read the commands. */
const withGcloud = process.env.BATON_TEST_GCLOUD === "1";

/** The command lines of a page for gcloud, in blocks and in sentences; what others compute for them is left out. */
function gcloudLines(page: string): readonly string[] {
  const text = page
    .replaceAll(/\\\n\s*/g, "")
    .replaceAll(/\$\(date [^)]*\)/g, "2026-11-21T08:00:00Z")
    .replaceAll(/"\$\(echo [^)]*\)"/g, "{}");
  const blocks = [...text.matchAll(/^ *```\w*\n(.*?)^ *```$/gms)].map(([, block = ""]) => block);
  const typed = blocks.flatMap((block) => block.split("\n")).flatMap(partsOf);
  const spans = [...text.replaceAll(/^ *```.*?^ *```$/gms, "").matchAll(/`([^`\n]+)`/g)];
  // In a sentence, a command may be named without what it takes.
  const named = spans.map(([, span = ""]) => span).filter((span) => /--|</.test(span));
  return [...typed, ...named]
    .map((line) => line.replace(/ +# .*/, "").trim())
    .filter((line) => /^gcloud [a-z]+ [a-z-]+ ./.test(line) && !line.includes("…"))
    .filter((line) => !/^gcloud (auth|projects (list|describe)|billing) /.test(line));
}

/** Commands that are joined, or give their output to another. */
function partsOf(line: string): readonly string[] {
  return line.includes('"$(') ? line.split(/\| |"\$\(|\)"/) : line.split("| ");
}

const needsNoProject = /^gcloud (storage (rm|ls|buckets update) .*gs:|projects add-iam-policy-binding )/;

test.each(pages)("every command of gcloud knows its project: %s", (path) => {
  const page = pageOf(path);
  const lines = gcloudLines(page);
  expect(lines.length).toBeGreaterThan(0);
  const [before] = page.split("export CLOUDSDK_CORE_PROJECT=");
  const isSaid = before !== page;
  // Said once, before all of them.
  if (isSaid) expect(gcloudLines(before ?? "").filter((line) => !knowsProject(line))).toEqual([]);
  expect(isSaid ? [] : lines.filter((line) => !knowsProject(line))).toEqual([]);
});

function knowsProject(line: string): boolean {
  return /--project\b/.test(line) || needsNoProject.test(line);
}

test("a command that names no project would be found", () => {
  const [line = ""] = gcloudLines("`gcloud firestore backups list`");
  expect(knowsProject(line)).toBe(false);
  expect(knowsProject(`${line} --project=p`)).toBe(true);
});

test.skipIf(!withGcloud)(
  "gcloud knows every command and flag",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "baton-gcloud-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, "infra"));
    copyFileSync(`${root}template/cloudbuild.yaml`, join(folder, "cloudbuild.yaml"));
    // As `terraform output -json` writes it.
    writeFileSync(
      join(folder, "infra/baton.some-project_baton.function.yaml"),
      '{"BATON_ENGINE":"gcp","BATON_DATABASE":"(default)"}',
    );
    const lines = [...new Set(pages.flatMap((path) => gcloudLines(pageOf(path))))]
      // Newer than what is asked for: the page says so.
      .filter((line) => !line.startsWith("gcloud firestore databases clone"));
    expect(lines.length).toBeGreaterThan(30);
    const wrong: string[] = [];
    for (const line of lines) {
      const said = await answerOf(line.replaceAll(/<[^>]*>/g, "some-thing"), folder);
      // It has read all of it, and only then looks who asks.
      if (!/active account/.test(said)) wrong.push(`${line}\n${said}`);
    }
    expect(wrong).toEqual([]);
  },
  600_000,
);

/** The answer of gcloud without a login. */
function answerOf(line: string, folder: string): Promise<string> {
  const env = {
    ...process.env,
    CLOUDSDK_CONFIG: join(folder, "settings"),
    CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
    CLOUDSDK_CORE_PROJECT: "some-project",
    PROJECT: "some-project",
    REGION: "europe-west1",
    PREFIX: "baton",
    ACCOUNT: "baton-function@some-project.iam.gserviceaccount.com",
  };
  return new Promise((resolve) => {
    const child = execFile("bash", ["-c", line], { env, cwd: folder, timeout: 60_000 }, (_, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
    child.stdin?.end("{}");
  });
}
