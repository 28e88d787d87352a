import { noFaults } from "../servers/kit/faults.ts";
import { type HttpCall, type HttpReply, serveTestHttp } from "../servers/kit/http-server.ts";
import { type BridgedServices, restBridge } from "./rest-bridge.ts";

export interface SchedulerJob {
  readonly name: string;
  readonly schedule: string;
  readonly state: string;
  readonly pubsubTarget?: { readonly topicName: string; readonly data: string };
}

export interface GoogleApis {
  readonly url: string;
  jobs: readonly SchedulerJob[];
  /** Permissions that the caller lacks. */
  denied: readonly string[];
  /** Answers itself where it returns something. */
  refuse: (call: HttpCall) => HttpReply | undefined;
  close(): Promise<void>;
}

/**
 * What the doctor asks of Google by REST: the jobs of a location, one to a page, which of some permissions the caller
 * has, and what the services beside it have. Credentials are not checked.
 */
export async function startGoogleApis(
  jobs: readonly SchedulerJob[],
  services: BridgedServices,
): Promise<GoogleApis> {
  const bridge = restBridge(services);
  const server = await serveTestHttp({
    service: "google-apis",
    faults: noFaults,
    handle: (call) => answer(call),
  });
  const apis: GoogleApis = {
    url: server.url,
    jobs,
    denied: [],
    refuse: () => undefined,
    async close() {
      await bridge.close();
      await server.close();
    },
  };
  const answer = async (call: HttpCall): Promise<HttpReply> =>
    (await bridge.answer(call)) ?? apis.refuse(call) ?? routed(apis, call);
  return apis;
}

function routed({ jobs, denied }: GoogleApis, { method, path, query, body }: HttpCall): HttpReply {
  if (method === "GET" && /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/jobs$/.test(path)) {
    const index = Number(query.get("pageToken") || 0);
    const next = index + 1 < jobs.length ? { nextPageToken: String(index + 1) } : {};
    return { status: 200, body: { jobs: jobs.slice(index, index + 1), ...next } };
  }
  if (method === "POST" && path.endsWith(":testIamPermissions")) {
    const { permissions } = JSON.parse(body.toString()) as { permissions: string[] };
    const granted = permissions.filter((permission) => !denied.includes(permission));
    return { status: 200, body: granted.length > 0 ? { permissions: granted } : {} };
  }
  return { status: 404, body: { error: { code: 404, message: `${method} ${path} is left out here` } } };
}
