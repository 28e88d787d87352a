import { parseArgs } from "node:util";
import { compareZone } from "./comparison.ts";

/** `npm run compare-schedules`: slots around every change of every zone's clock, against a walk over every minute. */
const { values } = parseArgs({
  options: {
    from: { type: "string", default: "2026" },
    to: { type: "string", default: "2030" },
    zone: { type: "string", multiple: true },
  },
});
const stretch = { from: Date.UTC(Number(values.from), 0, 1), until: Date.UTC(Number(values.to) + 1, 0, 1) };
const zones = values.zone ?? ["UTC", ...Intl.supportedValuesOf("timeZone")];
const print = (text: string) => process.stdout.write(`${text}\n`);
let changes = 0;
let slots = 0;
let failed = 0;
for (const [index, timeZone] of zones.entries()) {
  const compared = compareZone(timeZone, stretch);
  changes += compared.changes;
  slots += compared.slots;
  failed += compared.differences.length;
  for (const { cron, expected, found } of compared.differences)
    print(`${timeZone} "${cron}"\n  expected ${expected.join(" ")}\n  found    ${found.join(" ")}`);
  if (process.stderr.isTTY) process.stderr.write(`\r${index + 1}/${zones.length} zones`);
}
print(
  `${zones.length} zones, ${changes} changes in ${values.from}-${values.to}, ${slots} slots: ${failed} differences`,
);
process.exitCode = failed > 0 ? 1 : 0;
