import type { RequestHeaders } from "./request.ts";

/**
 * Which dispatch of Cloud Tasks a request is, 1 being the first; of what somebody else sends, 1. Tries that never got here count:
 * https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
 */
export function dispatchAttempt(headers: RequestHeaders): number {
  const retries = headers["x-cloudtasks-taskretrycount"] ?? "";
  return /^\d{1,9}$/.test(retries) ? Number(retries) + 1 : 1;
}
