// The shapes that are measured. A shape is a list of tasks in an order in which each follows its parents.

const names = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

function chain(length) {
  return names("t", length).map((id, index) => [id, index === 0 ? [] : [`t${index - 1}`]]);
}

function fan(width) {
  const middle = names("m", width);
  return [["first", []], ...middle.map((id) => [id, ["first"]]), ["last", middle]];
}

/** 1 → 4 → 4 → 1. */
function diamond() {
  const upper = names("u", 4);
  const lower = names("l", 4);
  return [
    ["first", []],
    ...upper.map((id) => [id, ["first"]]),
    ...lower.map((id) => [id, upper]),
    ["last", lower],
  ];
}

/** Each task of a layer follows all tasks of the layer above. */
function layers(depth, width) {
  return names("layer", depth).flatMap((layer, index) => {
    const above = index === 0 ? [] : names(`layer${index - 1}_`, width);
    return names(`${layer}_`, width).map((id) => [id, above]);
  });
}

/** Each: the tasks of one workflow with their parents, and how many batches of it run at once. */
export const workloads = {
  W1: { title: "chain of 200", tasks: chain(200), batches: 1 },
  W2: { title: "fan 1 → 1000 → 1", tasks: fan(1_000), batches: 1 },
  W3: { title: "200 × ten-task diamond", tasks: diamond(), batches: 200 },
  W4: { title: "20 layers × 50, fully connected", tasks: layers(20, 50), batches: 1 },
};

/** Workloads of any size: `chain:2000`, `fan:1000`, `layers:5x1000`, `diamonds:20`. */
const shapes = {
  chain: (length) => ({ title: `chain of ${length}`, tasks: chain(length), batches: 1 }),
  fan: (width) => ({ title: `fan 1 → ${width} → 1`, tasks: fan(width), batches: 1 }),
  layers: (depth, width) => ({
    title: `${depth} layers × ${width}`,
    tasks: layers(depth, width),
    batches: 1,
  }),
  diamonds: (batches) => ({ title: `${batches} × ten-task diamond`, tasks: diamond(), batches }),
};

/** The workload of a name, or of a shape with its sizes. Throws if there is none. */
export function workloadNamed(name) {
  const [shape, sizes = ""] = name.split(":");
  const numbers = sizes.split("x").map(Number);
  if (workloads[name]) return workloads[name];
  if (Object.hasOwn(shapes, shape) && numbers.every((number) => number > 0)) return shapes[shape](...numbers);
  const known = [...Object.keys(workloads), ...Object.keys(shapes).map((known) => `${known}:<size>`)];
  throw new Error(`There is no workload ${name}: choose from ${known.join(", ")}`);
}

/** The ids of the tasks without children. */
export function leavesOf(tasks) {
  const parents = new Set(tasks.flatMap(([, after]) => after));
  return new Set(tasks.map(([id]) => id).filter((id) => !parents.has(id)));
}
