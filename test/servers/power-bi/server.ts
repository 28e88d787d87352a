import * as z from "zod";
import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { type HttpCall, type HttpReply, serveTestHttp, type TestHttpServer } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";
import { Dataset, type Ending, type StoredRefresh } from "./dataset.ts";
import { Identity, type Principal } from "./identity.ts";

/**
 * One semantic model of one workspace of Power BI, with its refreshes (start, list, cancel), and the identity platform
 * that gives a service principal its token, on one address.
 *
 * Left out: every other model and operation, the details of one refresh, the running of anything (a refresh ends when
 * the test ends it, or after a number of reads of the history), and the day: all refreshes count towards its limit.
 */
export interface PowerBiServer extends Pick<TestHttpServer, "url" | "setFaults" | "close"> {
  readonly meter: Meter;
  readonly dataset: Dataset;
  readonly identity: Identity;
  /** Answers every call of the API with this, from now on; undefined: as always. */
  answerWith(reply: HttpReply | undefined): void;
}

export interface PowerBiServerOptions {
  readonly principal: Principal;
  readonly workspace: string;
  readonly dataset: string;
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  readonly port?: number;
  /** Default: a refresh is completed at the second look. Null: it runs until the test ends it. */
  readonly ending?: Ending | null;
  /** Default 8, as on shared capacity. */
  readonly dayLimit?: number;
}

export async function startPowerBiServer(options: PowerBiServerOptions): Promise<PowerBiServer> {
  const { faults = noFaults, meter = new Meter(), port, dayLimit = 8 } = options;
  const { ending = { afterPolls: 1, status: "Completed" } } = options;
  const dataset = new Dataset(meter, dayLimit, ending ?? undefined);
  const identity = new Identity(options.principal);
  const path = `/v1.0/myorg/groups/${options.workspace}/datasets/${options.dataset}/refreshes`;
  let always: HttpReply | undefined;
  const server = await serveTestHttp({
    service: "power-bi",
    faults,
    handle: (call) => {
      const token = identity.answer(call);
      if (token) return token;
      if (!identity.knows(call.headers.authorization)) return refusal(403, "TokenExpired", undefined);
      return always ?? answer(call, path, dataset);
    },
    ...(port !== undefined && { port }),
  });
  return {
    url: server.url,
    setFaults: server.setFaults,
    close: server.close,
    meter,
    dataset,
    identity,
    answerWith: (reply) => {
      always = reply;
    },
  };
}

/** An error as Power BI answers it. */
export function refusal(status: number, code: string, message: string | undefined): HttpReply {
  return { status, body: { error: { code, ...(message !== undefined && { message }) } } };
}

function answer(call: HttpCall, path: string, dataset: Dataset): HttpReply {
  if (call.path === path && call.method === "GET") {
    const history = dataset.history(Number(call.query.get("$top") ?? "60"));
    return { status: 200, body: { value: history.map(shown) } };
  }
  if (call.path === path && call.method === "POST") return start(call, dataset);
  const id = call.path.startsWith(`${path}/`) ? call.path.slice(path.length + 1) : undefined;
  if (id !== undefined && call.method === "DELETE") return cancel(id, dataset);
  return refusal(404, "PowerBIEntityNotFound", undefined);
}

/** As the service documents it: https://learn.microsoft.com/rest/api/power-bi/datasets/refresh-dataset-in-group */
const OptionsSchema = z.strictObject({
  notifyOption: z.enum(["NoNotification", "MailOnCompletion", "MailOnFailure"]).optional(),
  type: z.enum(["Full", "ClearValues", "Calculate", "DataOnly", "Automatic", "Defragment"]).optional(),
  commitMode: z.enum(["Transactional", "PartialBatch"]).optional(),
  retryCount: z.int().min(0).optional(),
  maxParallelism: z.int().min(1).optional(),
  objects: z.array(z.strictObject({ table: z.string(), partition: z.string().optional() })).optional(),
  applyRefreshPolicy: z.boolean().optional(),
  effectiveDate: z.string().optional(),
  timeout: z.string().optional(),
});

function optionsIn({ body }: HttpCall): z.infer<typeof OptionsSchema> | undefined {
  try {
    return OptionsSchema.parse(JSON.parse(body.toString()));
  } catch {
    return undefined;
  }
}

function start(call: HttpCall, dataset: Dataset): HttpReply {
  if (!/^application\/json\b/.test(call.headers["content-type"] ?? ""))
    return refusal(415, "UnsupportedMediaType", "The request has to be JSON");
  const options = optionsIn(call);
  if (!options) return refusal(400, "InvalidRequest", "Bad Request");
  const started = dataset.start(options);
  if (started === "busy")
    return refusal(
      400,
      "InvalidRequest",
      "Invalid dataset refresh request. Another refresh request is already executing",
    );
  if (started === "day_limit")
    return refusal(
      400,
      "RequestThrottled",
      "Invalid dataset refresh request. Number of refresh requests in last 24 hours exceeded limit",
    );
  const location = `http://${call.headers.host}${call.path}/${started.requestId}`;
  const named = started.refreshType === "ViaEnhancedApi" ? { location } : { requestid: started.requestId };
  return { status: 202, headers: { ...named, "x-ms-request-id": started.requestId } };
}

function cancel(id: string, dataset: Dataset): HttpReply {
  const refresh = dataset.refreshes.find(({ requestId }) => requestId === id);
  if (!refresh) return refusal(404, "PowerBIEntityNotFound", undefined);
  if (refresh.refreshType !== "ViaEnhancedApi" || refresh.endTime !== undefined)
    return refusal(400, "InvalidRequest", "This refresh can't be cancelled");
  dataset.finish(refresh, { status: "Cancelled" });
  return { status: 200 };
}

function shown({ options: _options, polls: _polls, ...refresh }: StoredRefresh): object {
  return refresh;
}
