import type { ColumnKind } from "../../../src/core/files/column-kinds.ts";

/** Columns of text, and what they are of: the same wherever a file is read. */
export const columns: readonly (readonly [kind: ColumnKind, cells: readonly string[]])[] = [
  ["integer", ["0", "-5", "9223372036854775807", "NA", " 7 "]],
  ["text", ["9223372036854775808"]],
  ["text", ["007"]],
  ["text", ["+5"]],
  ["text", ["1_000"]],
  ["decimal", ["-0"]],
  ["decimal", ["1.5", ".5", "-2", "1e5", "NaN"]],
  ["text", ["1.5", "1234567890123456"]],
  ["text", ["1,5"]],
  ["boolean", ["true", "FALSE", "False"]],
  ["text", ["t", "f"]],
  ["integer", ["1", "0"]],
  ["date", ["2026-02-28", "2024-02-29", "null"]],
  ["text", ["2026-02-29"]],
  ["text", ["0000-01-01"]],
  ["timestamp", ["2026-10-31 10:30", "2026-10-31T10:30:00.123456+02:00", "2026-10-31"]],
  ["text", ["2026-10-31 24:00:00"]],
  ["text", ["2026-10-31 10:30:00.1234567"]],
  ["text", ["NA", "NULL"]],
  ["text", [""]],
];
