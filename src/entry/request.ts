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

/** Whether the data of a message bears Baton's own seal. */
export type SealCheck = (data: Uint8Array, seal: string | undefined) => boolean;

/** Where nothing is sealed, whoever sends a message may say what anyone may say. */
export const nobodySealed: SealCheck = () => false;
