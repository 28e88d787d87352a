import type { CompletionMode, Message } from "../../src/core/messages.ts";
import type { Version } from "../../src/ports/store.ts";
import { Cluster } from "../../src/testing/world/cluster.ts";
import { Documents } from "../../src/testing/world/documents.ts";
import type { Faults, Hostility } from "../../src/testing/world/faults.ts";
import type { Machine } from "../../src/testing/world/machine.ts";
import { Random } from "../../src/testing/world/random.ts";
import { SimulatedBroker } from "../../src/testing/world/simulated-broker.ts";
import type { SharedServices } from "../../src/testing/world/simulated-ports.ts";
import { Trace } from "../../src/testing/world/trace.ts";
import { type Violation, World } from "../../src/testing/world/world.ts";
import { checkAcknowledged } from "./acknowledgement-invariants.ts";
import { Invariants } from "./invariants.ts";
import { Ledger } from "./ledger.ts";
import { machineOf } from "./machine.ts";
import { batchOf, callbackOf, findBatch, findLog } from "./parsed.ts";
import { People } from "./people.ts";
import { Receiver } from "./receiver.ts";
import { checkRest, isAtRest } from "./rest.ts";
import { type Operations, type Script, sendTo } from "./script.ts";
import type { SimulatedWorkflow } from "./workload.ts";

export interface Scenario {
  readonly seed: number;
  readonly workflows: readonly SimulatedWorkflow[];
  readonly script: Script;
  readonly faults: Faults;
  readonly hostility: Hostility;
  readonly skewsMs: readonly number[];
  readonly leaseSeconds: number;
  /** How endings reach the children of a task. */
  readonly completions: CompletionMode;
  readonly acknowledgeSeconds: number;
  /** How often a sweep runs. Never in a gentle world, which needs none. */
  readonly sweepSeconds: number;
  /** Until then the receiver of callbacks takes none. */
  readonly receiverIsBackMs: number;
  /** Share of the calls of the store that are answered at once: none where the store is remote. */
  readonly atOnceShare: number;
  /** When faults stop. */
  readonly faultsEndMs: number;
  readonly endFaults: () => void;
  /** By when everything must be at rest. */
  readonly boundMs: number;
  /** Whether every message is delivered once more at the end. */
  readonly replays: boolean;
  readonly isTraced: boolean;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  /** The same for two runs of the same scenario. */
  readonly digest: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly trace: readonly string[];
}

/** More events than any run needs: something goes round in circles. */
const mostEvents = 1_500_000;
const operatorRoundMs = 40_000;

/** Runs a scenario from its first message to rest. */
export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return simulation.outcome;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #documents = new Documents();
  readonly #invariants: Invariants;
  readonly #services: SharedServices & { readonly receiver: Receiver };
  readonly #cluster: Cluster;
  readonly #broker: SimulatedBroker;
  readonly #people: People;
  /** Retries whose tasks have been sent what they wait for. */
  readonly #notified = new Set<string>();
  readonly #random: Random;
  #events = 0;
  #boundMs: number;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#boundMs = scenario.boundMs;
    this.#random = new Random(scenario.seed ^ 0x5eed);
    this.#world = new World(new Trace(scenario.isTraced));
    this.#invariants = new Invariants({ ...scenario, world: this.#world, documents: this.#documents });
    this.#services = {
      world: this.#world,
      documents: this.#documents,
      objects: new Map(),
      receiver: new Receiver(this.#world, scenario.receiverIsBackMs, (webhookId) =>
        this.#checkTold(webhookId),
      ),
      onCommit: (commit) => this.#looking(() => this.#invariants.check(commit)),
    };
    const standstillMs = 1_300 * scenario.leaseSeconds;
    const { skewsMs, faults, hostility, acknowledgeSeconds, atOnceShare } = scenario;
    const answers = new Random(scenario.seed ^ 0xa7);
    const answersAtOnce = () => answers.chance(atOnceShare);
    this.#cluster = new Cluster(this.#world, faults, this.#random.fork(), {
      skewsMs,
      standstillMs,
      answersAtOnce,
    });
    this.#broker = new SimulatedBroker(this.#world, faults, this.#random.fork(), {
      hostility,
      acknowledgeSeconds,
      onAcknowledged: (message) => this.#checkAcknowledged(message),
      consumers: () => this.#cluster.machines,
    });
    this.#people = new People({
      world: this.#world,
      cluster: this.#cluster,
      broker: this.#broker,
      documents: this.#documents,
      random: this.#random.fork(),
    });
  }

  get outcome(): Outcome {
    const { violation, trace, elapsedMs } = this.#world;
    return {
      violation,
      digest: trace.digest,
      events: this.#events,
      simulatedMs: elapsedMs,
      trace: trace.lines,
    };
  }

  async run(): Promise<void> {
    const { workflows, leaseSeconds, completions, script, hostility, replays, faultsEndMs, endFaults } =
      this.#scenario;
    const ledger = new Ledger(this.#world, this.#documents, this.#invariants);
    const settings = { workflows, leaseSeconds, completions };
    const surroundings = { shared: this.#services, broker: this.#broker, ledger, ...settings };
    this.#cluster.start(machineOf(surroundings));
    script.act(this.#people, this.#operations());
    this.#world.after(faultsEndMs, () => {
      this.#world.note("faults end");
      endFaults();
    });
    this.#world.after(operatorRoundMs, () => this.#operatorRound());
    if (hostility === "hostile") this.#sweepLater();
    await this.#untilNothingHappens();
    if (!this.#world.violation)
      this.#looking(() => checkRest({ services: this.#services, workflows }, script.batchIds, hostility));
    if (replays && !this.#world.violation) await this.#replay();
  }

  async #untilNothingHappens(): Promise<void> {
    while (!this.#world.violation && (await this.#world.step())) {
      this.#events += 1;
      if (this.#events > mostEvents) this.#world.violate("rest-in-time", "it goes round in circles");
      if (this.#world.elapsedMs > this.#boundMs && !this.#isDone())
        this.#world.violate(
          "rest-in-time",
          `there is no rest after ${this.#boundMs / 1_000} s; ${this.#whatIsLeft()}`,
        );
    }
  }

  #isDone(): boolean {
    const nothingComes = this.#people.open === 0 && this.#broker.outstandingFromOutside === 0;
    return nothingComes && isAtRest(this.#documents, this.#scenario.hostility);
  }

  /** What can't even be looked at is a finding too. Thrown, it would count as a failure of a service. */
  #looking(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#world.violate("readable", error instanceof Error ? error.message : String(error));
    }
  }

  #whatIsLeft(): string {
    const { open } = this.#people;
    const { outstanding, outstandingFromOutside } = this.#broker;
    return `${open} people ask, ${outstanding} messages, ${outstandingFromOutside} of them from outside`;
  }

  #sweepLater(): void {
    this.#world.after(this.#scenario.sweepSeconds * 1_000, () => {
      if (this.#isDone()) return;
      this.#broker.accept({ kind: "sweep" });
      this.#sweepLater();
    });
  }

  /** An operator looks for dead letters from time to time, and publishes them again. */
  #operatorRound(): void {
    for (const message of this.#broker.takeDeadLetters()) this.#people.publish(0, message);
    const letters = this.#documents.all("deadLetters").filter(({ data }) => data.replayedAt === null);
    for (const { key } of letters)
      this.#people.ask(0, "replay a dead letter", async ({ deliveries, engine }) => {
        const message = await deliveries.parseDeadLetter(key.id);
        this.#broker.accept(message);
        await engine.deadLetters.markReplayed(key.id);
      });
    const mayHaveMore = this.#people.open > 0 || this.#broker.outstanding > 0;
    if (mayHaveMore || this.#world.elapsedMs < this.#scenario.faultsEndMs)
      this.#world.after(operatorRoundMs, () => this.#operatorRound());
  }

  #operations(): Operations {
    return {
      cancel: (batchId, delayMs) => {
        const cancel = async ({ engine }: Machine) => {
          await engine.cancel(batchId);
          this.#invariants.cancelReturned(batchId);
        };
        // The sweeper continues a cancel that has started, if there is a sweeper.
        const asksAgain = this.#scenario.hostility === "gentle" || this.#random.chance(0.5);
        this.#people.ask(delayMs, `cancel ${batchId}`, cancel, { asksAgain });
      },
      retry: (batchId, delayMs) => {
        const retry = async ({ engine }: Machine) =>
          this.#sendToRetries((await engine.retry(batchId)).batchId);
        this.#people.ask(delayMs, `retry ${batchId}`, retry, { retries: 5 });
      },
      deploy: (delayMs) => void this.#world.after(delayMs, () => this.#cluster.deploy()),
      shutDownOne: (delayMs) => void this.#world.after(delayMs, () => this.#cluster.machines[0]?.shutDown()),
    };
  }

  /**
   * The caller of a retry may have called before, on a process that died. After a deployment that was another batch.
   */
  #sendToRetries(batchId: string): void {
    const { lineageId } = findBatch(this.#documents, batchId) ?? {};
    const forgotten = this.#documents
      .all("batches")
      .map(batchOf)
      .filter((other) => other.lineageId === lineageId && other.batchId !== lineageId)
      .filter((other) => other.batchId !== batchId && !this.#notified.has(other.batchId));
    for (const other of forgotten) this.#sendToRetry(other.batchId);
    this.#sendToRetry(batchId);
  }

  #sendToRetry(batchId: string): void {
    this.#notified.add(batchId);
    for (const { id, plans } of this.#scenario.workflows)
      if (batchId.startsWith(`${id}-`))
        for (const plan of plans.values()) sendTo(this.#random, batchId, plan, 0, this.#people);
  }

  #checkAcknowledged(message: Message): void {
    if (this.#scenario.hostility !== "gentle") return;
    const sight = {
      world: this.#world,
      documents: this.#documents,
      broker: this.#broker,
      people: this.#people,
    };
    this.#looking(() => checkAcknowledged(sight, message));
  }

  #checkTold(webhookId: string): void {
    const document = this.#documents.get({ collection: "callbacks", id: webhookId });
    const callback = document && callbackOf(document);
    const log = callback && findLog(this.#documents, callback.batchId, callback.taskId);
    if (!log || !["SUCCESS", "ERROR"].includes(log.status))
      this.#world.violate(
        "callback-after-the-end",
        `${webhookId} came while its task was ${log?.status ?? "NEW"}`,
      );
  }

  /** Every message of the past once more, in another order: nothing may change. */
  async #replay(): Promise<void> {
    const before = this.#versions();
    this.#boundMs += this.#world.elapsedMs;
    this.#world.note("everything is delivered once more");
    const messages = [...this.#broker.accepted];
    while (messages.length > 0) {
      const [message] = messages.splice(this.#random.between(0, messages.length - 1), 1);
      if (message && message.kind !== "sweep") this.#broker.accept(message);
    }
    await this.#untilNothingHappens();
    const after = this.#versions();
    for (const name of new Set([...before.keys(), ...after.keys()]))
      if (before.get(name) !== after.get(name))
        this.#world.violate("replay-changes-nothing", `${name} was changed`);
  }

  #versions(): Map<string, Version> {
    const kept = ["batches", "taskLogs", "callbacks", "events", "executions", "steps"] as const;
    const documents = kept.flatMap((collection) => this.#documents.all(collection));
    return new Map(documents.map(({ key, version }) => [`${key.collection}/${key.id}`, version]));
  }
}
