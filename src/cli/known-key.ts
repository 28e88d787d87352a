import type { App } from "../composition/app.ts";
import { BatonError } from "../core/errors.ts";

/** What `ask` gives. An error about a key that does not exist also names those like it that do. */
export async function withKnownKey<Answer>(
  { engine }: App,
  key: string,
  ask: (key: string) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(key);
  } catch (thrown) {
    if (!(thrown instanceof BatonError) || thrown.code !== "EXECUTION_UNKNOWN") throw thrown;
    const similar = await engine.admin.inspection.similarKeys(key);
    if (similar.length === 0) throw thrown;
    throw new BatonError(thrown.code, `${thrown.message}; there are: ${similar.join(", ")}`);
  }
}
