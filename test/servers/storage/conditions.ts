import { conditionNotMet, Refusal } from "./answers.ts";

interface Versions {
  readonly generation: bigint;
  readonly metageneration: bigint;
}

/**
 * The preconditions of a request on an object, which has generation 0 when it does not exist. Those of a rewrite's
 * source have their names begin with `ifSource`.
 */
export function checkConditions(
  query: URLSearchParams,
  found: Versions | undefined,
  prefix: "if" | "ifSource" = "if",
): void {
  const there = found ?? { generation: 0n, metageneration: 0n };
  const { generation, metageneration } = there;
  const wanted = (name: string) => {
    const text = query.get(prefix + name);
    if (text !== null && !/^[0-9]+$/.test(text))
      throw new Refusal(400, "invalidParameter", `Invalid long value: '${text}'.`);
    return text === null ? undefined : BigInt(text);
  };
  const differs = (name: string, value: bigint) => (wanted(name) ?? value) !== value;
  if (differs("GenerationMatch", generation)) throw conditionNotMet();
  if (differs("MetagenerationMatch", metageneration)) throw conditionNotMet();
  if (wanted("GenerationNotMatch") === generation) throw conditionNotMet();
  if (wanted("MetagenerationNotMatch") === metageneration) throw conditionNotMet();
}
