// Makes what browsers load of the console: one script with the package that patches pages, and one style sheet.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const client = `${root}src/console/client`;

/** Both together, compressed. Nothing more is ever loaded. */
export const mostCompressedBytes = 25 * 1024;

/** Writes the files to `target`. Throws if they are too large. */
export async function writeConsoleAssets(target) {
  const build = await rolldown({ input: `${client}/main.js`, platform: "browser" });
  const { output } = await build.generate({ format: "esm", minify: true, comments: false });
  await build.close();
  const script = output[0].code;
  const style = shortStyle(readFileSync(`${client}/console.css`, "utf8"));
  const bytes = gzipSync(script).byteLength + gzipSync(style).byteLength;
  if (bytes > mostCompressedBytes)
    throw new Error(`The console's script and style have ${bytes} bytes; at most ${mostCompressedBytes}`);
  mkdirSync(target, { recursive: true });
  writeFileSync(`${target}/console.js`, script);
  writeFileSync(`${target}/console.css`, style);
}

/** Without comments, and with white space only where it separates words. No text of the sheet has either inside. */
function shortStyle(style) {
  return style
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{};,]) ?/g, "$1");
}
