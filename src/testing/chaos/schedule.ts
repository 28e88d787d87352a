import * as z from "zod";
import type { Message } from "../../core/messages.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { AnyTaskFunction } from "../../runtime/task-type.ts";
import { FixedCatalog } from "../../workflow/catalog.ts";
import type { BuiltWorkflow } from "../../workflow/workflow.ts";
import { RealWork } from "../code/real-work.ts";
import { codeOf } from "../code/task-code-of.ts";
import type { WatchedRun } from "../code/watched-run.ts";
import { FakeServices, type ServiceFakes } from "../fakes/fake-services.ts";
import { Cluster } from "../world/cluster.ts";
import { Documents } from "../world/documents.ts";
import type { Fault } from "../world/faults.ts";
import { Machine } from "../world/machine.ts";
import { Random } from "../world/random.ts";
import { SimulatedBroker } from "../world/simulated-broker.ts";
import { World } from "../world/world.ts";
import { ChaosFaults, CountedPoints, Delays, type NumberedFaults, OneCrash } from "./chaos-faults.ts";
import { places, Story } from "./story.ts";

/** What a chaos starts, and what it answers in place of services and people. */
export interface ChaosSubject {
  readonly workflow: BuiltWorkflow;
  /** Copies of the workflow with module variables of their own, for the processes of workers in turn. */
  readonly copies: readonly BuiltWorkflow[];
  readonly input: JsonValue | undefined;
  /** A file whose drop starts the workflow, in place of an input. */
  readonly drop: { readonly name: string; readonly content: string | Uint8Array } | undefined;
  readonly fakes: ServiceFakes;
  readonly mocks: ReadonlyMap<string, AnyTaskFunction>;
  readonly events: Readonly<Record<string, JsonValue>>;
  readonly completions: Readonly<Record<string, JsonValue>>;
  /** Tasks whose code was seen to wait for nothing. */
  readonly stalls: Set<string>;
}

interface FaultOptions {
  /** Only these faults, by their number from 0. Default: all of the seed. */
  readonly only?: ReadonlySet<number> | undefined;
  /** At how many points a process can die. */
  readonly points: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** Default: nothing fails. */
  readonly faults?: FaultOptions;
  /** Whether messages are delayed, so that tasks run in another order. */
  readonly hasDelays?: boolean;
}

/** How a task ended, for a comparison. */
interface TaskEnding {
  readonly status: string;
  readonly result: string;
}

/** What happened in one schedule. */
export interface ScheduleRecord {
  readonly seed: number;
  readonly story: Story;
  readonly runs: readonly WatchedRun[];
  readonly endings: ReadonlyMap<string, TaskEnding>;
  /** The errors of the tasks that ended ERROR, by their ids. */
  readonly errors: ReadonlyMap<string, string>;
  /** How many faults the seed has, those left out included. */
  readonly faults: number;
  /** The calls of processes, if nothing failed. */
  readonly points: number;
  /** By the clock of the world. */
  readonly endedAt: number;
}

const StoredFailure = z.object({
  taskId: z.string(),
  status: z.literal("ERROR"),
  error: z.object({ code: z.string(), message: z.string() }),
});
const beginning = Date.UTC(2026, 0, 1);
const leaseSeconds = 10;
/** Long enough for a sweep to find the lost lease, and for another worker to take over. */
const standstillMs = 6_000 * leaseSeconds;
/** How long the world is observed after the batch has ended: a worker that stood still may come back. */
const aftermathMs = standstillMs + 120_000;
const firstSweepMs = 5_000;
const longestSweepMs = 6 * 3_600_000;
const resendMs = 20_000;
/** A workflow that has not ended by then goes round in circles. */
const mostEvents = 30_000;
const runsPerTask = 20;
const leastRuns = 100;

/** Runs the workflow once, in the world of a seed. */
export async function runSchedule(subject: ChaosSubject, options: ScheduleOptions): Promise<ScheduleRecord> {
  const schedule = new Schedule(subject, options);
  return schedule.run();
}

class Schedule {
  readonly #subject: ChaosSubject;
  readonly #seed: number;
  readonly #story = new Story(beginning);
  readonly #documents = new Documents();
  readonly #work: RealWork;
  readonly #world: World;
  readonly #faults: NumberedFaults;
  readonly #fakes: FakeServices;
  readonly #broker: SimulatedBroker;
  readonly #cluster: Cluster;
  readonly #isTaskTime = () => this.#story.isTaskTime(this.#world.now);
  readonly #noFaults = new CountedPoints(this.#isTaskTime);
  #events = 0;

  constructor(subject: ChaosSubject, { seed, faults, hasDelays }: ScheduleOptions) {
    const random = new Random(seed);
    const settings = random.fork();
    this.#subject = subject;
    this.#work = new RealWork(subject.stalls);
    this.#seed = seed;
    this.#world = new World(this.#story, { beginning, rest: this.#work.rest });
    this.#faults = faults ? this.#faultsOf(seed, settings, faults) : this.#noFaults;
    // A request without a fake is answered too: most code can continue with that.
    this.#fakes = new FakeServices(subject.fakes, this.#work, () => this.#world.now, { body: {} });
    const brokerRandom = random.fork();
    const delivery = hasDelays ? new Delays(brokerRandom.fork()) : this.#faults;
    this.#broker = new SimulatedBroker(this.#world, delivery, brokerRandom, {
      hostility: "hostile",
      acknowledgeSeconds: 60,
      onAcknowledged: () => undefined,
      consumers: () => this.#cluster.machines,
    });
    this.#cluster = new Cluster(this.#world, this.#faults, random.fork(), {
      skewsMs: Array.from({ length: places }, () => 0),
      standstillMs,
      answersAtOnce: () => false,
    });
    this.#startMachines();
  }

  /** Two of three seeds have one crash, each at the next point of the workflow. The others have faults of all kinds. */
  #faultsOf(seed: number, random: Random, { only, points }: FaultOptions): NumberedFaults {
    const place = seed % 3;
    if (place > 0 && points > 0)
      return new OneCrash(2 * Math.floor(seed / 3) + place - 1, points, only, this.#isTaskTime);
    const rate = random.pick([0.03, 0.1, 0.2]);
    const options = { rate, most: random.pick([1, 2, 3, 6]), only };
    const onDelivery = (fault: Fault) => this.#world.note(`delivery ${fault}`);
    return new ChaosFaults(random, options, this.#isTaskTime, onDelivery);
  }

  async run(): Promise<ScheduleRecord> {
    const { drop, workflow, input } = this.#subject;
    this.#broker.accept(
      drop
        ? this.#dropMessage(drop.name, drop.content)
        : { kind: "start", workflowId: workflow.id, key: "chaos", ...(input !== undefined && { input }) },
    );
    this.#sweepLater();
    this.#resendLater();
    await this.#stepWhile(() => !this.#hasEnded);
    const until = this.#world.now + aftermathMs;
    let isOver = false;
    this.#world.after(aftermathMs, () => {
      isOver = true;
    });
    await this.#stepWhile(() => !isOver && this.#world.now < until);
    await this.#fakes.warehouse.close();
    return {
      seed: this.#seed,
      story: this.#story,
      runs: this.#story.runs,
      endings: this.#endings(),
      errors: this.#errors(),
      faults: this.#faults.count,
      points: this.#noFaults.points,
      endedAt: this.#world.now,
    };
  }

  #startMachines(): void {
    const { workflow, copies, mocks } = this.#subject;
    let starts = 0;
    this.#cluster.start((process, random) => {
      const catalog = new FixedCatalog([copies[starts++ % copies.length] ?? workflow]);
      const place = { process, work: this.#work, observer: this.#story, random: random.fork() };
      return new Machine(
        process,
        {
          shared: {
            world: this.#world,
            documents: this.#documents,
            objects: new Map(),
            receiver: { take: () => undefined, archive: () => undefined },
            onCommit: () => undefined,
          },
          broker: this.#broker,
          catalog,
          code: codeOf(catalog, mocks, place),
          services: this.#fakes.of(process),
          objects: this.#fakes.objects,
          leaseSeconds,
          completions: "published",
        },
        random,
      );
    });
  }

  #dropMessage(name: string, content: string | Uint8Array): Message {
    const { bucket, object, generation, bytes } = this.#fakes.objects.put("inbox", name, content);
    return { kind: "object", bucket, object, generation, size: bytes };
  }

  async #stepWhile(holds: () => boolean): Promise<void> {
    while (holds() && this.#isContinuing && (await this.#world.step())) this.#events += 1;
  }

  /** False if the workflow seems to run for ever. */
  get #isContinuing(): boolean {
    const { tasks } = this.#subject.workflow.definition;
    const mostRuns = leastRuns + runsPerTask * tasks.length;
    return this.#events < mostEvents && this.#story.runs.length < mostRuns;
  }

  get #hasEnded(): boolean {
    const batches = this.#documents.all("batches");
    return batches.length > 0 && batches.every(({ data }) => data.status !== "RUNNING");
  }

  /** Less and less often, so that a sleep of days does not take thousands of sweeps. */
  #sweepLater(delayMs = firstSweepMs): void {
    this.#world.after(delayMs, () => {
      if (this.#hasEnded) return;
      this.#broker.accept({ kind: "sweep" });
      this.#sweepLater(Math.min(delayMs * 1.2, longestSweepMs));
    });
  }

  /** People and other systems send what they owe until the batch has ended. Repetitions change nothing. */
  #resendLater(delayMs = resendMs): void {
    const { events, completions } = this.#subject;
    if (Object.keys(events).length + Object.keys(completions).length === 0) return;
    this.#world.after(delayMs, () => {
      if (this.#hasEnded) return;
      for (const { key } of this.#documents.all("batches")) {
        const batchId = key.id;
        for (const [event, payload] of Object.entries(events))
          this.#broker.accept({ kind: "event", batchId, event, payload });
        for (const [taskId, result] of Object.entries(completions))
          this.#broker.accept({
            kind: "task",
            batchId,
            taskId,
            previousTaskId: taskId,
            completion: { result },
          });
      }
      this.#resendLater(Math.min(delayMs * 1.2, longestSweepMs));
    });
  }

  #errors(): ReadonlyMap<string, string> {
    return new Map(
      this.#documents.all("taskLogs").flatMap(({ data }) => {
        const failed = StoredFailure.safeParse(data);
        if (!failed.success) return [];
        const { taskId, error } = failed.data;
        return [[taskId, `${error.code}: ${error.message}`] as const];
      }),
    );
  }

  #endings(): ReadonlyMap<string, TaskEnding> {
    return new Map(
      this.#documents.all("taskLogs").map(({ data }) => {
        const { taskId, status, result = null } = data;
        return [String(taskId), { status: String(status), result: JSON.stringify(result) }];
      }),
    );
  }
}
