#!/usr/bin/env bash
# croner 11.0.1 (https://www.npmjs.com/package/croner): a daily job is lost when a clock change leaps to midnight.
#
# Its documentation about fixed times: one "that doesn't exist (DST spring forward) runs at the first valid time after
# the gap, on the same day", following Vixie cron. When the gap ends at midnight, the day has no valid time left, and the
# run is dropped silently; Vixie cron runs such a job right after the change.
#
# In Nuuk the clock goes from 23:00 on 2026-03-28 to 00:00 on the 29th. The run of `59 23 * * *` for the 28th is missing:
# after that of the 27th comes that of the 29th. In Paris the gap ends at 03:00, and nothing is lost.
#
# Output with Node 24.21.0 (time zone data 2026c):
#   Europe/Paris 59 2 * * *: 2026-03-28T01:59:00.000Z 2026-03-29T01:00:00.000Z 2026-03-30T00:59:00.000Z
#   America/Nuuk 59 23 * * *: 2026-03-28T01:59:00.000Z 2026-03-30T00:59:00.000Z 2026-03-31T00:59:00.000Z
#
# Baton computes its slots itself (src/core/cron); this script uses nothing of Baton. It fails if the behaviour changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent croner@11.0.1

cat >runs.mjs <<'SCRIPT'
import { Cron } from "croner";

for (const [timezone, pattern] of [
  ["Europe/Paris", "59 2 * * *"],
  ["America/Nuuk", "59 23 * * *"],
]) {
  const cron = new Cron(pattern, { timezone });
  const runs = cron.nextRuns(3, new Date("2026-03-27T12:00:00Z"));
  console.log(`${timezone} ${pattern}: ${runs.map((run) => run.toISOString()).join(" ")}`);
}
SCRIPT

expected='Europe/Paris 59 2 * * *: 2026-03-28T01:59:00.000Z 2026-03-29T01:00:00.000Z 2026-03-30T00:59:00.000Z
America/Nuuk 59 23 * * *: 2026-03-28T01:59:00.000Z 2026-03-30T00:59:00.000Z 2026-03-31T00:59:00.000Z'
seen=$(node runs.mjs)
echo "$seen"
if [ "$seen" != "$expected" ]; then
  echo "croner behaves otherwise now" >&2
  exit 1
fi
