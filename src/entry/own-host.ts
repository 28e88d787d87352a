import { isIP } from "node:net";
import { BatonError } from "../core/errors/errors.ts";
import { hostnameOf, isLoopbackHost } from "../core/values/text.ts";
import { errorResponse, type HttpHandler } from "./http-handler.ts";

/**
 * A server on an address of this machine alone refuses requests to other names. One that listens on the network accepts
 * them from programs; of browsers, which send an origin, only under an address or a name of this machine.
 */
export function refuseOtherHosts(handler: HttpHandler, listensOn: string): HttpHandler {
  const isOnlyHere = isLoopbackHost(listensOn.includes(":") ? `[${listensOn}]` : listensOn);
  return async (request) => {
    const { host, origin } = request.headers;
    const isRestricted = isOnlyHere || origin !== undefined;
    const isKnown = isLoopbackHost(host) || (!isOnlyHere && isAddress(host));
    if (!isRestricted || isKnown) return handler(request);
    return errorResponse(403, new BatonError("HOST_REFUSED", "The request was sent to another name"));
  };
}

function isAddress(host: string | undefined): boolean {
  return isIP(hostnameOf(host).replace(/^\[|\]$/g, "")) !== 0;
}
