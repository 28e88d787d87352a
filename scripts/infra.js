import { globSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withInfrastructureValues } from "./infrastructure-values.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

for (const path of globSync("infra/*.tf", { cwd: root })) {
  const text = readFileSync(`${root}${path}`, "utf8");
  const updated = withInfrastructureValues(text);
  if (updated !== text) writeFileSync(`${root}${path}`, updated);
}
