import { BatonError, TaskError } from "../core/errors.ts";
import { SecretTexts } from "../core/secret-texts.ts";
import type { Ids } from "../ports/ids.ts";
import type { Secrets } from "../ports/secrets.ts";

export interface SecretSource {
  readonly secrets: Secrets;
  readonly ids: Pick<Ids, "unique">;
}

/** The secrets that the parameters of one attempt name. Random marks are in their places: no input can hold one. */
export class TaskSecrets {
  readonly #source: SecretSource;
  readonly #marks = new Map<string, string>();

  constructor(source: SecretSource) {
    this.#source = source;
  }

  markOf(name: string): string {
    const mark = this.#marks.get(name) ?? `secret${this.#source.ids.unique()}`;
    this.#marks.set(name, mark);
    return mark;
  }

  /** Throws `SECRET_NOT_CONFIGURED`, `SECRET_UNAVAILABLE`; the latter is worth another attempt. */
  async read(): Promise<SecretTexts> {
    const read = [...this.#marks].map(async ([name, mark]) => ({
      name,
      mark,
      value: await this.#value(name),
    }));
    return new SecretTexts(await Promise.all(read));
  }

  async #value(name: string): Promise<string> {
    try {
      return await this.#source.secrets.read(name);
    } catch (error) {
      if (!(error instanceof BatonError) || error.code !== "SECRET_UNAVAILABLE") throw error;
      throw new TaskError(error.message, { code: error.code, cause: error });
    }
  }
}
