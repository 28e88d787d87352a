import { status } from "@grpc/grpc-js";
import * as z from "zod";
import { GrpcError } from "../kit/grpc-server.ts";
import { failure, type HttpCall, type HttpReply } from "../kit/http-server.ts";
import type { Meter } from "../kit/meter.ts";
import type { Exchange } from "./exchange.ts";
import { publish } from "./publisher-service.ts";

const publishBody = z.object({
  messages: z
    .array(
      z.object({
        data: z.base64().default(""),
        attributes: z.record(z.string(), z.string()).default({}),
        orderingKey: z.string().default(""),
      }),
    )
    .default([]),
});

const publishPath = /^\/v1\/(projects\/[^/]+\/topics\/[^/:]+):publish$/;

const httpStatus: Partial<Record<status, number>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.NOT_FOUND]: 404,
};

/** The one method of the REST API that other services of Google's call: `topics.publish`. */
export function restHandler(exchange: Exchange, meter: Meter): (call: HttpCall) => HttpReply {
  return ({ method, path, headers, body }) => {
    const topic = publishPath.exec(decodeURIComponent(path))?.[1];
    if (method !== "POST" || !topic) return failure(404, `${method} ${path} is left out here`, "notFound");
    if (!headers.authorization?.startsWith("Bearer ")) {
      return failure(401, "Request is missing required authentication credential.", "required");
    }
    const parsed = publishBody.safeParse(jsonOf(headers, body));
    if (!parsed.success) return failure(400, z.prettifyError(parsed.error), "badRequest");
    const messages = parsed.data.messages.map((message) => ({
      ...message,
      data: Buffer.from(message.data, "base64"),
    }));
    try {
      return { status: 200, body: { messageIds: publish(exchange, meter, { topic, messages }) } };
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      return failure(httpStatus[error.code] ?? 500, error.message);
    }
  };
}

/** Undefined for a body that is not JSON, or not declared as JSON. */
function jsonOf(headers: HttpCall["headers"], body: Buffer): unknown {
  if (!/^application\/json\b/.test(headers["content-type"] ?? "")) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
