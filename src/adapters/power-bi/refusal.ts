import { TaskError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { shortened } from "../../core/short-text.ts";
import { pauseAskedBy } from "../remote/asked-pause.ts";
import type { Answer } from "../remote/exchange.ts";
import { saidIn } from "./answers.ts";

/** Said with 400, and with 429 as well: the limit of a day, which no waiting of minutes helps against. */
const dayLimit =
  /refresh requests in last 24 hours|refresh.*(exceeded|reached).*limit|limit.*refresh.*(exceeded|reached)/i;
const alreadyRunning =
  /refresh (request|operation) is already (executing|in progress|running)|already in progress/i;

/** Whether a refresh was refused because another one runs. */
export function isBusy({ status, body }: Answer): boolean {
  return status === 409 || (status === 400 && alreadyRunning.test(body));
}

/**
 * Whether the token was not taken, which another may be. A principal that may not do it is refused with 403 as well.
 */
export function isTokenRefused({ status, body }: Answer): boolean {
  return status === 401 || (status === 403 && /TokenExpired/i.test(body));
}

/** What an answer that is no success means for the task. `what` is shown; it holds no secrets. */
export function refusal(what: string, answer: Answer): TaskError {
  const { status, body } = answer;
  const message = `${what} answered ${status}: ${shortened(saidIn(body), limits.shownAnswerCharacters)}`;
  const final = (code: string, advice: string) =>
    new TaskError(`${message}. ${advice}`, { code, retryable: false });
  if ((status === 400 || status === 429) && dayLimit.test(body))
    return final("POWER_BI_REFRESH_LIMIT", "The refreshes of the day are used up, scheduled ones included");
  if (status === 401 || status === 403)
    return final(
      "POWER_BI_DENIED",
      "Let service principals use the Power BI APIs (a tenant setting), and make this one a member of the workspace",
    );
  if (status === 404)
    return final("POWER_BI_DATASET_UNKNOWN", "Check the ids of the workspace and the dataset");
  if (status === 408 || status === 429 || status >= 500)
    return new TaskError(message, {
      code: "POWER_BI_UNAVAILABLE",
      retryAfterSeconds: pauseAskedBy(answer.headers),
    });
  return final("POWER_BI_REFUSED", "Correct the parameters");
}
