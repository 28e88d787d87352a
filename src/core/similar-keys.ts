import { limits } from "./limits.ts";

/** The keys most like one that does not exist: of the same workflow, and the longer they begin alike the better. */
export function similarKeys(wanted: string, known: Iterable<string>): string[] {
  const workflow = `${wanted.split(/[/?]/, 1)[0]}/`;
  return [...known]
    .filter((key) => key.startsWith(workflow))
    .map((key) => ({ key, alike: commonCharacters(key, wanted) }))
    .sort((one, other) => other.alike - one.alike || (one.key < other.key ? -1 : 1))
    .slice(0, limits.similarKeys)
    .map(({ key }) => key);
}

function commonCharacters(one: string, other: string): number {
  const most = Math.min(one.length, other.length);
  for (let index = 0; index < most; index += 1) if (one[index] !== other[index]) return index;
  return most;
}
