import { describe } from "vitest";
import { Documents } from "../../src/testing/world/documents.ts";
import { ScriptedFaults } from "../../src/testing/world/faults.ts";
import { Process } from "../../src/testing/world/process.ts";
import { Random } from "../../src/testing/world/random.ts";
import { storePort } from "../../src/testing/world/simulated-ports.ts";
import { World } from "../../src/testing/world/world.ts";
import { Receiver } from "../simulation/receiver.ts";
import { describeStore } from "./store-contract.ts";

/** The simulated store in a world where nothing goes wrong, and time passes by itself. */
function open(answersAtOnce: boolean) {
  const world = new World();
  const settings = { name: "p1", skewMs: 0, standstillMs: 0, answersAtOnce: () => answersAtOnce };
  const process = new Process(world, new ScriptedFaults(new Map()), new Random(1), settings);
  const receiver = new Receiver(world, 0, () => undefined);
  const store = storePort(
    { world, documents: new Documents(), objects: new Map(), receiver, onCommit: () => undefined },
    process,
  );
  const tick = async () => {
    await world.step();
    setImmediate(tick);
  };
  setImmediate(tick);
  return { store };
}

describe("the simulated store keeps the contract when it answers later", () =>
  describeStore(() => open(false)));
describe("the simulated store keeps the contract when it answers at once", () =>
  describeStore(() => open(true)));
