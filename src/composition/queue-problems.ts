import { limitProblem } from "../core/limited-queues.ts";
import { QueuesSchema } from "../core/queues.ts";
import type { Environment } from "./environment.ts";
import type { RawEnvironment } from "./raw-environment.ts";
import type { VariableProblem } from "./variable-problems.ts";

/**
 * What keeps the queues of BATON_QUEUES from being limited on Google Cloud, where Cloud Tasks calls the function by its address.
 * What publishes tasks needs it as the function does: a message that took another way would not be held to the limits.
 */
export function queueProblems(environment: RawEnvironment): VariableProblem[] {
  if (environment.BATON_ENGINE !== "gcp") return [];
  const queues = QueuesSchema.safeParse(environment.BATON_QUEUES ?? "").data;
  if (!queues || queues.size === 0) return [];
  const wrong = [...queues].flatMap(([queue, settings]) => {
    const problem = limitProblem(queue, settings);
    return problem === undefined ? [] : [`"${queue}": ${problem}`];
  });
  return [
    ...wrong.map((message) => ({ variable: "BATON_QUEUES", message })),
    ...needs.filter(({ variable, isRight }) => !isRight(environment[variable] ?? "")).map(toProblem),
  ];
}

interface Need {
  readonly variable: keyof Environment;
  readonly why: string;
  readonly isRight: (value: string) => boolean;
}

const isThere = (value: string) => value !== "";
const isAddress = (value: string) => URL.canParse(value) && /^https?:/.test(value);

const needs: readonly Need[] = [
  { variable: "BATON_LOCATION", why: "the region of the queues, such as europe-west1", isRight: isThere },
  {
    variable: "BATON_AUDIENCE",
    why: "the address of the function, which Cloud Tasks calls: https://…",
    isRight: isAddress,
  },
  {
    variable: "BATON_CALLERS",
    why: "the account in whose name it is called, first of all",
    isRight: isThere,
  },
];

function toProblem({ variable, why }: Need): VariableProblem {
  return { variable, message: `Missing for BATON_QUEUES: ${why}; \`baton deploy\` prints it` };
}
