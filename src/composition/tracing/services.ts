import type { CallbackSender } from "../../ports/callbacks.ts";
import type { Dataform, InvocationRequest } from "../../ports/dataform.ts";
import type { HttpClient } from "../../ports/http-client.ts";
import type { ObjectName, ObjectStore } from "../../ports/objects.ts";
import type { DatasetName, PowerBi } from "../../ports/power-bi.ts";
import type { SpanAttributes, Tracer } from "../../ports/tracer.ts";
import type { Warehouse } from "../../ports/warehouse.ts";
import type { Services } from "../../runtime/task-type.ts";
import { type SpansOf, serverAttributes, traced } from "./traced.ts";

/** The same services, with a span for every request to them. */
export function tracedServices(services: Services, tracer: Tracer): Services {
  return {
    warehouse: traced("warehouse", warehouseSpans, services.warehouse, tracer),
    objects: traced("object", objectSpans, services.objects, tracer),
    http: tracedHttp(services.http, tracer),
    dataform: traced("dataform", dataformSpans, services.dataform, tracer),
    powerBi: traced("power-bi", powerBiSpans, services.powerBi, tracer),
  };
}

const job = ({ jobId, into }: { jobId: string; into: { table: string } }): SpanAttributes => ({
  "baton.job": jobId,
  "baton.table": into.table,
});

const warehouseSpans: SpansOf<Warehouse> = {
  load: job,
  query: job,
  rows: () => ({}),
  cancel: (jobId) => ({ "baton.job": jobId }),
};

const object = ({ bucket, object }: ObjectName): SpanAttributes => ({
  "baton.bucket": bucket,
  "baton.object": object,
});

const objectSpans: SpansOf<ObjectStore> = {
  stat: object,
  read: object,
  write: (name, content) => ({ ...object(name), "baton.bytes": content.byteLength }),
  move: object,
  list: ({ bucket, prefix }) => object({ bucket, object: prefix }),
  remove: object,
};

const resource = (name: string): SpanAttributes => ({ "baton.resource": name });

const dataformSpans: SpansOf<Dataform> = {
  compile: ({ repository }) => resource(repository),
  invoke: ({ source }: InvocationRequest) =>
    resource("workflowConfig" in source ? source.workflowConfig : source.compilationResult),
  invocation: resource,
  invocations: resource,
  actions: resource,
  cancel: resource,
};

const dataset = ({ workspace, dataset }: DatasetName): SpanAttributes => ({
  "baton.workspace": workspace,
  "baton.dataset": dataset,
});

const powerBiSpans: SpansOf<PowerBi> = { refreshes: dataset, start: dataset, cancel: dataset };

/** Named after the HTTP method, as OpenTelemetry has it, with the status of the answer. */
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

/** A span for every callback, reports of progress included. */
export function tracedCallbacks(callbacks: CallbackSender, tracer: Tracer): CallbackSender {
  return {
    send(request) {
      const attributes = { ...serverAttributes(request.url), "baton.callback": request.webhookId };
      return tracer.inSpan({ name: "callback", kind: "client", attributes }, () => callbacks.send(request));
    },
  };
}
