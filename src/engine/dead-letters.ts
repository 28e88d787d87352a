import { type ErrorCode, errorCatalog } from "../core/errors/error-catalog.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { DeadLetter } from "../core/records.ts";
import { ownBuckets } from "../core/records.ts";
import { truncate } from "../core/values/text.ts";
import type { Ports } from "./dependencies.ts";
import { durably } from "./records/commit.ts";
import { Records, recordKinds, type Stored } from "./records/records.ts";

const bucket = ownBuckets.deadLetters;

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** Where the message was received. */
  readonly source: string;
  /** Headers that are needed to parse the body again. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A dead letter without its body. */
export type ListedDeadLetter = Omit<DeadLetter, "body" | "nonce">;

export interface DeadLetterList {
  /** Newest first. */
  readonly letters: readonly ListedDeadLetter[];
  /** The number of dead letters that this version can't parse. */
  readonly unreadable: number;
}

type DeadLetterPorts = Ports<"store" | "objects" | "ids" | "clock" | "logger">;

/** Messages that can't be handled. Each is stored with its body and its error until a person replays it. */
export class DeadLetters {
  readonly #ports: DeadLetterPorts;
  readonly #records: Records<DeadLetter, Pick<DeadLetter, "deadLetterId">>;

  constructor(ports: DeadLetterPorts) {
    this.#ports = ports;
    this.#records = new Records(ports.store, recordKinds.deadLetter);
  }

  /** Durable when it returns the id of the dead letter. */
  async keep(body: Uint8Array, refusal: Refusal): Promise<string> {
    const { ids, clock, store, logger } = this.#ports;
    const deadLetterId = ids.unique();
    const inline = body.byteLength <= limits.deadLetterInlineBytes;
    if (!inline) await this.#ports.objects.write(objectOf(deadLetterId), body, "application/octet-stream");
    const now = clock.now();
    const data: DeadLetter = {
      deadLetterId,
      code: refusal.code,
      message: truncate(refusal.message, limits.errorMessageCharacters),
      remedy: errorCatalog[refusal.code].remedy,
      body: inline ? Buffer.from(body).toString("base64") : null,
      bodyBytes: body.byteLength,
      headers: { ...refusal.headers },
      source: refusal.source,
      receivedAt: now,
      replayedAt: null,
      nonce: ids.unique(),
    };
    await durably(store, () => this.#records.create(data));
    logger.warn("dead letter", { deadLetterId, code: refusal.code, error: data.message });
    return deadLetterId;
  }

  /** Throws `DEAD_LETTER_UNKNOWN`. */
  async read(deadLetterId: string): Promise<DeadLetter> {
    return required(deadLetterId, await this.#records.read({ deadLetterId })).data;
  }

  /** The body as it was received. */
  async bodyOf(letter: DeadLetter): Promise<Uint8Array> {
    if (letter.body !== null) return Buffer.from(letter.body, "base64");
    return this.#ports.objects.read(objectOf(letter.deadLetterId));
  }

  async markReplayed(deadLetterId: string): Promise<void> {
    const { store, ids, clock } = this.#ports;
    await durably(store, () =>
      this.#records.update({ deadLetterId }, (found) => ({
        ...required(deadLetterId, found).data,
        replayedAt: clock.now(),
        nonce: ids.unique(),
      })),
    );
  }

  async list(): Promise<DeadLetterList> {
    const letters: ListedDeadLetter[] = [];
    const unreadable = await this.#records.eachReadable([], ({ data }) => {
      const { body: _, nonce: __, ...listed } = data;
      letters.push(listed);
    });
    letters.sort((one, other) => other.receivedAt - one.receivedAt);
    return { letters, unreadable };
  }
}

function required(deadLetterId: string, found: Stored<DeadLetter> | undefined): Stored<DeadLetter> {
  if (!found) throw new BatonError("DEAD_LETTER_UNKNOWN", `There is no dead letter ${deadLetterId}`);
  return found;
}

/** The object that holds the body, if it is large. */
export function objectOf(deadLetterId: string) {
  return { bucket, object: `${deadLetterId}.bin` };
}
