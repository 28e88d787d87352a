import type { LogLevel } from "../../adapters/pino/logger.ts";
import type { VariableProblem } from "../../composition/variable-problems.ts";

/** What becomes of the metrics that count lines of the function's log (infra/metrics.tf); a test reads the levels of all lines. */
const effects: Readonly<Record<LogLevel, "none" | "dashboard" | "alerts">> = {
  debug: "none",
  info: "none",
  warn: "dashboard",
  error: "alerts",
  silent: "alerts",
};

/** Why a function may not have this level. */
export function logLevelProblems(level: LogLevel | undefined): VariableProblem[] {
  if (level === undefined || effects[level] !== "alerts") return [];
  const message = `Alerts count lines of the levels warn and error: with ${level}, nobody would be told. Write info or warn, or unset it`;
  return [{ variable: "BATON_LOG_LEVEL", message }];
}

/** What a level hides that nobody is woken for. */
export function logLevelWarnings(level: LogLevel | undefined): string[] {
  if (level === undefined || effects[level] !== "dashboard") return [];
  return [
    `BATON_LOG_LEVEL=${level} hides the lines of the level info: the dashboard shows no batch that starts or ends`,
  ];
}
