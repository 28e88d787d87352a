import type { HttpSender, SendOutcome } from "../kit/http-sender.ts";
import type { TokenCache } from "../oidc/token-cache.ts";
import { idOf } from "./limits.ts";
import type { Task } from "./queue.ts";
import type { WireHttpRequest } from "./wire.ts";

export interface DispatcherParts {
  readonly sender: HttpSender;
  /** Undefined: tasks with an `oidcToken` were refused. */
  readonly tokens: TokenCache | undefined;
  readonly clockScale: number;
}

const ofConnection = ["connection", "content-length", "host", "transfer-encoding"];

/** Sends a task's request as Google does, with the headers that describe the task. */
export async function dispatch(queue: string, task: Task, parts: DispatcherParts): Promise<SendOutcome> {
  const { request } = task;
  const isBody = request.body.length > 0;
  return parts.sender.send({
    url: request.url,
    method: request.httpMethod === "HTTP_METHOD_UNSPECIFIED" ? "POST" : request.httpMethod,
    headers: {
      "user-agent": "Google-Cloud-Tasks",
      ...(isBody && { "content-type": "application/octet-stream" }),
      ...lowerCased(request.headers),
      ...(await authorization(request, parts.tokens)),
      ...taskHeaders(queue, task),
    },
    body: isBody ? request.body : undefined,
    timeoutMs: task.deadlineMs / parts.clockScale,
  });
}

function taskHeaders(queue: string, task: Task): Record<string, string> {
  const { previousResponse } = task;
  return {
    "x-cloudtasks-queuename": idOf(queue),
    "x-cloudtasks-taskname": idOf(task.name),
    "x-cloudtasks-taskretrycount": String(task.failures),
    "x-cloudtasks-tasketa": (task.scheduledAt / 1_000).toFixed(6),
    ...(previousResponse !== undefined && {
      "x-cloudtasks-taskpreviousresponse": String(previousResponse),
    }),
  };
}

async function authorization(
  { url, oidcToken, oauthToken }: WireHttpRequest,
  tokens: TokenCache | undefined,
): Promise<Record<string, string>> {
  if (oauthToken) return { authorization: `Bearer ya29.${oauthToken.serviceAccountEmail}` };
  if (!oidcToken || !tokens) return {};
  const { serviceAccountEmail, audience } = oidcToken;
  return { authorization: await tokens.authorization(serviceAccountEmail, audience || url) };
}

/** What the connection itself decides is ignored. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(entries.filter(([name]) => !ofConnection.includes(name)));
}
