import { limits } from "../../core/limits.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { LoadJob, QueryJob } from "../../ports/warehouse.ts";
import type { Services } from "../../runtime/task-type.ts";
import { outsideWorld } from "./virtual-globals.ts";
import {
  type EffectDescription,
  type Protection,
  type WatchedRun,
  withPendingEffect,
} from "./watched-run.ts";

export interface SpiedServices {
  readonly all: Services;
  /** Answers `fetch` by the HTTP client of the run. */
  fetch(request: Request): Promise<Response>;
}

const harmless: Protection = { kind: "harmless" };
const none: Protection = { kind: "none" };
/** RFC 9110: their repetition has the effect of one request. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** The services of a run, whose calls are noted as its effects. */
export function spyServices(services: Services, watch: WatchedRun): SpiedServices {
  const call = async <T>(description: EffectDescription, work: () => Promise<T>): Promise<T> => {
    const carriedOut = watch.beginEffect(description);
    try {
      return await watch.waitFor(outsideWorld(() => withPendingEffect(carriedOut, work)));
    } catch (error) {
      watch.hadFailedCall = true;
      throw error;
    }
  };
  const read = (what: string) => ({ what, protection: harmless });
  const { warehouse, objects, dataform, powerBi } = services;
  const http = {
    request: (request: HttpRequest) => call(httpEffect(request, watch), () => services.http.request(request)),
  };
  const all: Services = {
    http,
    warehouse: {
      load: (job) => call(jobEffect("load", job), () => warehouse.load(job)),
      query: (job) => call(jobEffect("query", job), () => warehouse.query(job)),
      rows: (sql, parameters, limit, signal) =>
        call(read("read rows of the warehouse"), () => warehouse.rows(sql, parameters, limit, signal)),
      cancel: (jobId) => call(read("cancel a job of the warehouse"), () => warehouse.cancel(jobId)),
    },
    objects: {
      stat: (name) => call(read(`stat ${name.bucket}/${name.object}`), () => objects.stat(name)),
      read: (name) => call(read(`read ${name.bucket}/${name.object}`), () => objects.read(name)),
      list: (prefix, options) => call(read(`list ${prefix.bucket}`), () => objects.list(prefix, options)),
      write: (name, content, type) =>
        call(objectEffect(name.bucket, name.object), () => objects.write(name, content, type)),
      move: (from, to) => call(read(`move to ${to.bucket}/${to.object}`), () => objects.move(from, to)),
      remove: (listed) =>
        call(read(`remove ${listed.bucket}/${listed.object}`), () => objects.remove(listed)),
    },
    dataform: {
      ...dataform,
      compile: (request) => call(read("compile in Dataform"), () => dataform.compile(request)),
      invoke: (request) =>
        call({ what: "invoke Dataform", protection: none }, () => dataform.invoke(request)),
      invocation: (name, signal) => call(read("read an invocation"), () => dataform.invocation(name, signal)),
    },
    powerBi: {
      ...powerBi,
      refreshes: (dataset, signal) => call(read("read refreshes"), () => powerBi.refreshes(dataset, signal)),
      start: (request) =>
        call({ what: `refresh Power BI dataset ${request.dataset}`, protection: none }, () =>
          powerBi.start(request),
        ),
    },
  };
  return { all, fetch: (request) => fetchBy(http, request) };
}

function httpEffect(request: HttpRequest, { idempotencyKey }: WatchedRun): EffectDescription {
  const { method, url, headers, body } = request;
  const what = `${method} ${url}`;
  if (repeatable.has(method)) return { what, protection: harmless };
  const [, header] =
    Object.entries(headers).find(([name]) => /^(?:x-)?(?:idempotency-key|request-id)$/i.test(name)) ?? [];
  if (header !== undefined) return { what, protection: { kind: "key", key: header } };
  const isNamed = `${url}\n${body ?? ""}`.includes(idempotencyKey);
  return { what, protection: isNamed ? { kind: "key", key: idempotencyKey } : none };
}

function objectEffect(bucket: string, object: string): EffectDescription {
  // The same name replaces what was written. Another name leaves a second object.
  return { what: `write an object of ${bucket}`, protection: { kind: "key", key: object } };
}

function jobEffect(what: "load" | "query", job: LoadJob | QueryJob): EffectDescription {
  const { table, mode } = job.into;
  const isRepeatable = mode !== "append";
  return {
    what: `${what} into ${table} (${mode})`,
    protection: isRepeatable ? harmless : { kind: "key", key: job.jobId },
  };
}

async function fetchBy(http: Services["http"], request: Request): Promise<Response> {
  const body = request.body === null ? undefined : await request.text();
  const headers: Record<string, string> = {};
  request.headers.forEach((value, name) => {
    headers[name] = value;
  });
  const {
    status,
    headers: answered,
    body: text,
  } = await http.request({
    url: request.url,
    method: request.method,
    headers,
    body,
    timeoutSeconds: limits.callbackTimeoutSeconds,
    maxResponseBytes: limits.httpAnswerBytes,
    signal: request.signal,
    followRedirects: request.redirect === "follow",
  });
  const isEmpty = status === 204 || status === 304;
  return new Response(isEmpty ? null : text, { status, headers: answered });
}
