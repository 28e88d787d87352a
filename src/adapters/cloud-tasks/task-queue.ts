import { createHash } from "node:crypto";
import { limits } from "../../core/limits.ts";
import { grpcCodeOf, grpcStatus, unlessMissing } from "../remote/grpc.ts";
import { type CloudTasksConnection, callOptions } from "./client.ts";

/** The HTTP request that a task makes. */
export interface TaskRequest {
  readonly url: string;
  readonly body: Buffer;
  /** Whose token it carries; undefined: none. */
  readonly token: TaskToken | undefined;
  /** How long its answer is waited for. Default: ten minutes, that of Cloud Tasks. */
  readonly deadlineSeconds?: number;
}

/** An access token for Google's own services, or an identity token for whoever knows the account. */
type TaskToken =
  | { readonly kind: "access"; readonly serviceAccount: string; readonly scope: string }
  | { readonly kind: "identity"; readonly serviceAccount: string; readonly audience: string };

/** When a task is due, in seconds since 1970; undefined: at once. */
type DueSecond = number | undefined;

/** A queue of Cloud Tasks, and how tasks get into it. Throws what the client throws. */
export class TaskQueue {
  readonly #connection: CloudTasksConnection;
  /** Full name. */
  readonly path: string;

  constructor(connection: CloudTasksConnection, queue: string) {
    this.#connection = connection;
    this.path = connection.pathOf(queue);
  }

  /**
   * Creates a task under the first of the names that is free; none when one under these names still waits for its turn, which
   * will do what is asked for. A name stays taken for hours after its task is gone: when all are, the task has none.
   */
  async createOnce(request: TaskRequest, names: readonly string[], dueSecond: DueSecond): Promise<void> {
    for (const name of names) {
      if (await this.#isCreated(request, name, dueSecond)) return;
      if (await this.#isWaiting(name)) return;
    }
    await this.#create(request, undefined, dueSecond);
  }

  async #isCreated(request: TaskRequest, name: string, dueSecond: DueSecond): Promise<boolean> {
    try {
      await this.#create(request, name, dueSecond);
      return true;
    } catch (thrown) {
      if (grpcCodeOf(thrown) === grpcStatus.alreadyExists) return false;
      throw thrown;
    }
  }

  /** One that is being sent right now does not wait: it may be what brought the message that wants to come again. */
  async #isWaiting(name: string): Promise<boolean> {
    const found = await unlessMissing(() =>
      this.#connection.call((client) => client.getTask({ name: this.#taskPath(name) }, callOptions)),
    );
    return found !== undefined && !found[0].dispatchCount;
  }

  async #create(request: TaskRequest, name: string | undefined, dueSecond: DueSecond): Promise<void> {
    const { url, body, token, deadlineSeconds } = request;
    const task = {
      ...(name !== undefined && { name: this.#taskPath(name) }),
      ...(dueSecond !== undefined && { scheduleTime: { seconds: dueSecond } }),
      ...(deadlineSeconds !== undefined && { dispatchDeadline: { seconds: deadlineSeconds } }),
      httpRequest: {
        httpMethod: "POST" as const,
        url,
        body,
        headers: { "Content-Type": "application/json" },
        ...(token && tokenFields(token)),
      },
    };
    await this.#connection.call((client) => client.createTask({ parent: this.path, task }, callOptions));
  }

  #taskPath(name: string): string {
    return `${this.path}/tasks/${name}`;
  }
}

/** Hashed, since names that follow each other slow a queue down. */
export function taskName(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The second that a delay from now ends in, no further ahead than the horizon. */
export function dueSecondOf(now: number, delayMs: number): number {
  const delay = Math.min(delayMs, limits.timerHorizonSeconds * 1_000);
  return Math.ceil((now + delay) / 1_000);
}

function tokenFields(token: TaskToken) {
  const { serviceAccount: serviceAccountEmail } = token;
  return token.kind === "access"
    ? { oauthToken: { serviceAccountEmail, scope: token.scope } }
    : { oidcToken: { serviceAccountEmail, audience: token.audience } };
}
