import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { BatonError } from "../core/errors/errors.ts";
import type { StartMessage } from "../core/messages.ts";
import { encodeJson, type JsonValue } from "../core/values/json.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AnyTaskFunction, TaskContext } from "../runtime/task-type.ts";
import { type AnyTaskType, exportedTaskType } from "../runtime/user-task-type.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import type { Workflow } from "../workflow/builder.ts";
import { readDataWorkflow } from "../workflow/data-workflow.ts";
import { type BuiltWorkflow, type GivenInput, isWorkflow } from "../workflow/workflow.ts";
import type { ServiceFakes } from "./fakes/fake-services.ts";
import type { MemoryObjects } from "./fakes/memory-objects.ts";
import type { MemoryWarehouse } from "./fakes/memory-warehouse.ts";
import { type Beginning, RealStartedRun, type Results, type StartedRun } from "./started-run.ts";
import { type TestRun, unknownTask } from "./test-run.ts";
import { WorkflowWorld } from "./workflow-world.ts";

export interface TestOptions extends ServiceFakes {
  /** The time at which the test begins. Default `2026-01-01T00:00:00Z`. */
  readonly now?: string | Date;
  /** Receives the log lines of tasks. Default: none does. */
  readonly logger?: Logger;
}

/** The fields of an input that a test gives. */
export type TestInput<Input> = GivenInput<Input>;

interface StartOptions<Input> {
  readonly input?: TestInput<Input>;
  /** A start with the same key finds the same batch. */
  readonly key?: string;
}

/** What a mock is called with: the context of a task, with results of parents that are not typed. */
type Mock<Input, Result> = (context: TaskContext<Input>) => Result | Promise<Result>;

/** A workflow under test, on the real engine in virtual time. Keys and files are kept from run to run. */
export interface WorkflowTest<Input, Tasks> {
  /** Runs the workflow to its end. Retries, sleeps and timeouts take no real time. */
  run(options?: StartOptions<Input>): Promise<TestRun<Tasks>>;
  /** Starts the workflow without waiting for its end. */
  start(options?: StartOptions<Input>): Promise<StartedRun<Tasks>>;
  /** Runs this function in place of the code of a task, from now on. Returns the test. */
  mock<Id extends keyof Tasks & string>(taskId: Id, run: Mock<Input, Tasks[Id]>): WorkflowTest<Input, Tasks>;
  /** Puts a file into the inbox, and runs the batch that its drop starts. Throws `TEST_FILE_UNMATCHED`. */
  dropFile(name: string, content: string | Uint8Array): Promise<TestRun<Tasks>>;
  /**
   * Moves the clock to a later time and runs the batches that schedules start by then, oldest first. The first call
   * looks back one minute. Throws `TEST_TIME_INVALID`.
   */
  at(time: string | Date): Promise<readonly TestRun<Tasks>[]>;
  /** Runs the tasks of a batch that did not succeed again, in a new batch. */
  retry(run: Pick<TestRun<Tasks>, "batchId">): Promise<TestRun<Tasks>>;
  /** The time by the clock of the test. */
  readonly now: Date;
  /** The warehouse in memory: `await test.warehouse.select("SELECT …")`. */
  readonly warehouse: MemoryWarehouse;
  /** The buckets in memory: `test.objects.text("reports", "sales.html")`. */
  readonly objects: MemoryObjects;
}

const defaultNow = "2026-01-01T00:00:00Z";
const minuteMs = 60_000;

/** Prepares a workflow for tests. It needs no network, leaves no file behind, and need not be closed. */
export function testWorkflow<Input, Tasks>(
  workflow: Workflow<Input, Tasks>,
  options?: TestOptions,
): WorkflowTest<Input, Tasks>;
export function testWorkflow(
  workflow: BuiltWorkflow,
  options?: TestOptions,
): WorkflowTest<JsonValue, Readonly<Record<string, JsonValue>>>;
export function testWorkflow(workflow: BuiltWorkflow, options: TestOptions = {}): unknown {
  if (!isWorkflow(workflow))
    throw new BatonError("WORKFLOW_INVALID", "testWorkflow takes a workflow, which this is not");
  return new RealWorkflowTest(workflow, options);
}

/**
 * The workflow of a YAML or JSON file, for `testWorkflow`. A relative path counts from the current folder.
 * `taskTypes`: the project's own task types that it uses. Throws `WORKFLOW_INVALID` with all problems of the file.
 */
export async function readWorkflow(
  path: string | URL,
  { taskTypes = [] }: { readonly taskTypes?: readonly AnyTaskType[] } = {},
): Promise<BuiltWorkflow> {
  const name = path instanceof URL ? fileURLToPath(path) : path;
  const own = taskTypes
    .flatMap((type) => exportedTaskType(type) ?? [])
    .map((type) => [type.type, type] as const);
  const types = new Map([...own, ...builtInTaskTypes]);
  const result = await readDataWorkflow(await readFile(path, "utf8"), name, types);
  if (result.ok && result.problems.length === 0) return result.workflow;
  const lines = result.problems.map(({ where, code, message }) => `${where}: ${code}: ${message}`);
  throw new BatonError("WORKFLOW_INVALID", lines.join("\n"), { where: name });
}

class RealWorkflowTest implements WorkflowTest<JsonValue, Results> {
  readonly #workflow: BuiltWorkflow;
  readonly #world: WorkflowWorld;
  readonly #mocks = new Map<string, AnyTaskFunction>();
  #hasTicked = false;

  constructor(workflow: BuiltWorkflow, { now = defaultNow, logger, ...fakes }: TestOptions) {
    this.#workflow = workflow;
    this.#world = new WorkflowWorld(workflow, {
      fakes,
      mocks: this.#mocks,
      beginning: parseTime(now),
      logger,
    });
  }

  get now(): Date {
    return new Date(this.#world.now);
  }

  get warehouse(): MemoryWarehouse {
    return this.#world.fakes.warehouse;
  }

  get objects(): MemoryObjects {
    return this.#world.fakes.objects;
  }

  mock(taskId: string, run: Mock<JsonValue, JsonValue>): this {
    this.#checkTask(taskId);
    this.#mocks.set(taskId, run);
    return this;
  }

  async run(options: StartOptions<JsonValue> = {}): Promise<TestRun<Results>> {
    return (await this.start(options)).end();
  }

  async start({ input, key }: StartOptions<JsonValue> = {}): Promise<StartedRun<Results>> {
    const message: StartMessage = {
      kind: "start",
      workflowId: this.#workflow.id,
      ...(input !== undefined && { input: toJson(input) }),
      ...(key !== undefined && { key }),
    };
    const since = this.#begin();
    const { engine } = this.#world.machine;
    const { batchId } = await this.#world.during(() => engine.start(message));
    return new RealStartedRun(this.#world, batchId, since, (taskId) => this.#checkTask(taskId));
  }

  async dropFile(name: string, content: string | Uint8Array): Promise<TestRun<Results>> {
    const { bucket, object, generation, bytes } = this.objects.put("inbox", name, content);
    const since = this.#begin();
    const { engine } = this.#world.machine;
    const message = { kind: "object", bucket, object, generation, size: bytes } as const;
    const [started] = await this.#world.during(() => engine.startByObject(message));
    if (!started)
      throw new BatonError("TEST_FILE_UNMATCHED", `No trigger of ${this.#workflow.id} fits the file ${name}`);
    return this.#end(started.batchId, since);
  }

  async at(time: string | Date): Promise<readonly TestRun<Results>[]> {
    const until = parseTime(time);
    const { engine } = this.#world.machine;
    // A schedule begins when it is first seen.
    if (!this.#hasTicked) await this.#moveTo(Math.max(this.#world.now, until - minuteMs));
    if (!this.#hasTicked) await this.#world.during(() => engine.tick());
    this.#hasTicked = true;
    const before = new Set(this.#world.batchIds());
    await this.#moveTo(until);
    const since = this.#begin();
    await this.#world.during(() => engine.tick());
    const started = this.#world.batchIds().filter((batchId) => !before.has(batchId));
    const runs: TestRun<Results>[] = [];
    for (const batchId of started) runs.push(await this.#end(batchId, since));
    return runs;
  }

  async retry({ batchId }: Pick<TestRun<Results>, "batchId">): Promise<TestRun<Results>> {
    const since = this.#begin();
    const { engine } = this.#world.machine;
    const started = await this.#world.during(() => engine.retry(batchId));
    return this.#end(started.batchId, since);
  }

  async #moveTo(time: number): Promise<void> {
    if (time < this.#world.now)
      throw new BatonError(
        "TEST_TIME_INVALID",
        `The clock of the test is at ${this.now.toISOString()} and can't be set back`,
      );
    await this.#world.advance(time - this.#world.now);
  }

  #begin(): Beginning {
    const { now, callbacks, fakes } = this.#world;
    return { now, callbacks: callbacks.length, calls: fakes.calls.length };
  }

  #end(batchId: string, since: Beginning): Promise<TestRun<Results>> {
    return new RealStartedRun(this.#world, batchId, since, (taskId) => this.#checkTask(taskId)).end();
  }

  #checkTask(taskId: string): void {
    const known = this.#workflow.definition.tasks.map(({ id }) => id);
    if (!known.includes(taskId)) unknownTask(taskId, known);
  }
}

function toJson(input: unknown): JsonValue {
  const encoded = encodeJson(input);
  if (encoded.ok) return JSON.parse(encoded.text);
  throw new BatonError("INPUT_INVALID", `The input is not JSON: ${encoded.path}: ${encoded.problem}`);
}

function parseTime(time: string | Date): number {
  const parsed = new Date(time).getTime();
  if (Number.isFinite(parsed)) return parsed;
  throw new BatonError("TEST_TIME_INVALID", `"${String(time)}" is not a time`);
}
