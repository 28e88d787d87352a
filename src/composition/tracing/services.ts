import type { CallbackSender } from "../../ports/callbacks.ts";
import type { Dataform, InvocationRequest } from "../../ports/dataform.ts";
import type { HttpClient } from "../../ports/http-client.ts";
import type { ObjectName, ObjectStore } from "../../ports/objects.ts";
import type { DatasetName, PowerBi } from "../../ports/power-bi.ts";
import type { SpanAttributes, Tracer } from "../../ports/tracer.ts";
import type { Warehouse } from "../../ports/warehouse.ts";
import type { Services } from "../../runtime/task-type.ts";
import { serverAttributes } from "./attributes.ts";

/** Tells of one request to somebody else. */
type Ask = <T>(name: string, attributes: SpanAttributes, request: () => Promise<T>) => Promise<T>;

function asking(tracer: Tracer): Ask {
  return (name, attributes, request) => tracer.inSpan({ name, kind: "client", attributes }, () => request());
}

/** The same services, whose requests are told of. */
export function tracedServices(services: Services, tracer: Tracer): Services {
  const ask = asking(tracer);
  return {
    warehouse: tracedWarehouse(services.warehouse, ask),
    objects: tracedObjects(services.objects, ask),
    http: tracedHttp(services.http, tracer),
    dataform: tracedDataform(services.dataform, ask),
    powerBi: tracedPowerBi(services.powerBi, ask),
  };
}

/** Tells of callbacks, progress included. */
export function tracedCallbacks(callbacks: CallbackSender, tracer: Tracer): CallbackSender {
  return {
    send: (request) =>
      asking(tracer)(
        "callback",
        { ...serverAttributes(request.url), "baton.callback": request.webhookId },
        () => callbacks.send(request),
      ),
  };
}

function tracedHttp(http: HttpClient, tracer: Tracer): HttpClient {
  return {
    request(request) {
      const attributes = { "http.request.method": request.method, ...serverAttributes(request.url) };
      return tracer.inSpan({ name: request.method, kind: "client", attributes }, async (span) => {
        const response = await http.request(request);
        span.set({ "http.response.status_code": response.status });
        return response;
      });
    },
  };
}

function tracedWarehouse(warehouse: Warehouse, ask: Ask): Warehouse {
  const job = ({ jobId, into }: { jobId: string; into: { table: string } }) => ({
    "baton.job": jobId,
    "baton.table": into.table,
  });
  return {
    load: (load) => ask("warehouse load", job(load), () => warehouse.load(load)),
    query: (query) => ask("warehouse query", job(query), () => warehouse.query(query)),
    rows: (sql, parameters, limit, signal) =>
      ask("warehouse rows", {}, () => warehouse.rows(sql, parameters, limit, signal)),
    cancel: (jobId) => ask("warehouse cancel", { "baton.job": jobId }, () => warehouse.cancel(jobId)),
  };
}

function tracedObjects(objects: ObjectStore, ask: Ask): ObjectStore {
  const named = ({ bucket, object }: ObjectName) => ({ "baton.bucket": bucket, "baton.object": object });
  return {
    stat: (name) => ask("object stat", named(name), () => objects.stat(name)),
    read: (name) => ask("object read", named(name), () => objects.read(name)),
    write: (name, content, contentType) =>
      ask("object write", { ...named(name), "baton.bytes": content.byteLength }, () =>
        objects.write(name, content, contentType),
      ),
    move: (from, to) => ask("object move", named(from), () => objects.move(from, to)),
    list: ({ bucket, prefix }, options) =>
      ask("object list", named({ bucket, object: prefix }), () => objects.list({ bucket, prefix }, options)),
    remove: (listed) => ask("object remove", named(listed), () => objects.remove(listed)),
  };
}

function tracedDataform(dataform: Dataform, ask: Ask): Dataform {
  const of = (resource: string) => ({ "baton.resource": resource });
  return {
    compile: (request) => ask("dataform compile", of(request.repository), () => dataform.compile(request)),
    invoke: (request) => ask("dataform invoke", of(invoked(request)), () => dataform.invoke(request)),
    invocation: (name, signal) =>
      ask("dataform invocation", of(name), () => dataform.invocation(name, signal)),
    invocations: (repository, signal) =>
      ask("dataform invocations", of(repository), () => dataform.invocations(repository, signal)),
    actions: (invocation, signal) =>
      ask("dataform actions", of(invocation), () => dataform.actions(invocation, signal)),
    cancel: (invocation, signal) =>
      ask("dataform cancel", of(invocation), () => dataform.cancel(invocation, signal)),
  };
}

function invoked({ source }: InvocationRequest): string {
  return "workflowConfig" in source ? source.workflowConfig : source.compilationResult;
}

function tracedPowerBi(powerBi: PowerBi, ask: Ask): PowerBi {
  const of = ({ workspace, dataset }: DatasetName) => ({
    "baton.workspace": workspace,
    "baton.dataset": dataset,
  });
  return {
    refreshes: (dataset, signal) =>
      ask("power-bi refreshes", of(dataset), () => powerBi.refreshes(dataset, signal)),
    start: (request) => ask("power-bi start", of(request), () => powerBi.start(request)),
    cancel: (dataset, refresh, signal) =>
      ask("power-bi cancel", of(dataset), () => powerBi.cancel(dataset, refresh, signal)),
  };
}
