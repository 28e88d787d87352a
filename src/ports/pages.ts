/** A request to the console, from whatever server received it. */
export interface PageRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string | undefined };
  readonly body: Uint8Array;
}

export interface PageResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Undefined: this is no request of the console. */
export type PageHandler = (request: PageRequest) => Promise<PageResponse | undefined>;

/** A person, as the host of the console knows them. */
export interface Visitor {
  /** Recorded with what they do. */
  readonly actor: string;
  readonly mayAct: boolean;
  /** Names their session. The token of their forms is made of it. */
  readonly session: string;
}

export interface Refusal {
  /** 503: the visitor can't be identified now. */
  readonly status: 401 | 403 | 503;
  /** What the person reads: what happened, and what to do. */
  readonly title: string;
  readonly remedy: string;
}

/** Decides who a visitor is. */
export interface PageAccess {
  /** A response: the visitor signs in by this request. */
  identify(request: PageRequest): Promise<Visitor | Refusal | PageResponse>;
  /** The secret behind the tokens of forms. */
  readonly secret: string;
}
