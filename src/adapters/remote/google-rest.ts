import { jsonIn } from "../../core/json.ts";
import { limits } from "../../core/limits.ts";
import { GoogleRefusal, type GoogleRest } from "../../ports/google-rest.ts";
import { type Answer, exchange } from "./exchange.ts";
import { Credentials } from "./google-credentials.ts";
import { rootMessageOf } from "./root-message.ts";

export interface GoogleRestOptions {
  /** `https://cloudscheduler.googleapis.com`. */
  readonly service: string;
  /** In the service's place, such as a local server: it is sent no credentials. */
  readonly endpoint?: string | undefined;
  /** For a whole answer. Default: 15 seconds. */
  readonly timeoutMs?: number;
}

/** Calls of one service. The client of the credentials is loaded at the first, and keeps its token. */
export function googleRest({ service, endpoint, timeoutMs = 15_000 }: GoogleRestOptions): GoogleRest {
  const credentials = endpoint === undefined ? new Credentials() : undefined;
  return {
    async call({ method, path, body, signal }) {
      const headers = { "content-type": "application/json", ...(await credentials?.headers()) };
      const text = body === undefined ? undefined : JSON.stringify(body);
      const url = `${endpoint ?? service}${path}`;
      const answer = await answered(
        exchange({ url, method, headers, body: text, signal, timeoutMs }),
        signal,
      );
      if (answer.status >= 200 && answer.status <= 299) return jsonIn(answer.body);
      throw new GoogleRefusal(answer.status, `It answered ${answer.status}: ${reasonIn(answer.body)}`);
    },
  };
}

async function answered(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    signal.throwIfAborted();
    throw new GoogleRefusal(0, `No answer came: ${rootMessageOf(error)}`, error);
  }
}

/** Google's services answer `{ error: { message } }`, and what stands before them whatever it likes. */
function reasonIn(body: string): string {
  const message = fieldOf(fieldOf(jsonIn(body), "error"), "message");
  const reason = typeof message === "string" ? message : body.trim();
  return reason.slice(0, limits.shownAnswerCharacters) || "no reason was given";
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
