import type { Delivery } from "../ports/broker.ts";

/** An HTTP request, whatever server took it in. */
export interface EntryRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: RequestHeaders;
  /** As sent, neither decoded nor parsed. */
  readonly body: Uint8Array;
}

export type RequestHeaders = { readonly [name: string]: string | undefined };

/** A delivery that is right and means nothing to Baton: it is acknowledged, and that is all. */
export interface Ignored {
  readonly ignored: string;
}

export type ParsedRequest = Delivery | Ignored;
