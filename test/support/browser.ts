import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";

const cache = fileURLToPath(new URL("../../node_modules/.cache", import.meta.url));
const inPackage = fileURLToPath(new URL("../../node_modules/@sparticuz/chromium", import.meta.url));

/** Where Debian and others install one: used where the package has none that starts, as on ARM. */
const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

interface Program {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

let opened: Promise<Browser> | undefined;

/** The browser of this process. It ends with the process. */
export function browser(): Promise<Browser> {
  opened ??= start();
  return opened;
}

export async function closeBrowser(): Promise<void> {
  const open = await opened?.catch(() => undefined);
  opened = undefined;
  await open?.close();
}

async function start(): Promise<Browser> {
  const failures: string[] = [];
  for (const find of [
    packaged,
    ...installed.filter(existsSync).map((path) => () => ({ path, environment: {} })),
  ])
    try {
      const { path, environment } = find();
      // A container runs as root, for which Chromium has no sandbox. It opens nothing but this test's pages.
      return await chromium.launch({
        executablePath: path,
        args: ["--no-sandbox", "--font-render-hinting=none"],
        env: { ...process.env, ...environment } as Record<string, string>,
      });
    } catch (error) {
      failures.push(
        error instanceof Error ? error.message.split("\n").slice(0, 12).join("\n") : String(error),
      );
    }
  throw new Error(
    "No Chromium starts on this machine, and the pages of the console are tested in one. Run `npm ci`, which " +
      "installs @sparticuz/chromium (Linux, x64), or install a Chromium: `apt-get install chromium`.\n" +
      `${failures.join("\n")}`,
  );
}

/** The Chromium of the package with its fonts and the libraries that a small machine lacks, unpacked once a version. */
function packaged(): Program {
  const { version } = JSON.parse(readFileSync(`${inPackage}/package.json`, "utf8")) as { version: string };
  const folder = `${cache}/chromium-${version}`;
  if (!existsSync(folder)) unpack(folder);
  return {
    path: `${folder}/chromium`,
    environment: { FONTCONFIG_PATH: `${folder}/fonts`, LD_LIBRARY_PATH: `${folder}/al2023/lib` },
  };
}

/** The package unpacks into the folder of temporary files, and its libraries only if it seems to run on Lambda. */
function unpack(folder: string): void {
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(`${folder}-`);
  const code = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  try {
    execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: inPackage,
      env: { ...process.env, TMPDIR: part, AWS_LAMBDA_JS_RUNTIME: "nodejs24.x" },
    });
    renameSync(part, folder);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    // Another process may have been first.
    if (!existsSync(folder)) throw error;
  }
}
