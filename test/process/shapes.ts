import type { Edges } from "../support/graphs.ts";

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

export const shapes: Readonly<Record<string, Edges>> = {
  diamond: [
    ["first", []],
    ["left", ["first"]],
    ["right", ["first"]],
    ["last", ["left", "right"]],
  ],
  layers: [
    ["first", []],
    ...names("a", 12).map((id): [string, string[]] => [id, ["first"]]),
    ...names("b", 12).map((id): [string, string[]] => [id, names("a", 12)]),
    ["last", names("b", 12)],
  ],
};
