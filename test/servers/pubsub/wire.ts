/** The messages of google.pubsub.v1 as the loader gives them, as far as they are served here. */

import type { PublishedMessage } from "./messages.ts";

export interface WireDuration {
  readonly seconds: string | number;
  readonly nanos: number;
}

export interface WireTopic {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly messageRetentionDuration: WireDuration | null;
}

export interface WirePushConfig {
  readonly pushEndpoint: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience: string } | null;
  readonly pubsubWrapper?: Readonly<Record<string, never>> | null;
  readonly noWrapper?: { readonly writeMetadata: boolean } | null;
}

export interface WireSubscription {
  readonly name: string;
  readonly topic: string;
  readonly pushConfig: WirePushConfig | null;
  readonly ackDeadlineSeconds: number;
  readonly retainAckedMessages: boolean;
  readonly messageRetentionDuration: WireDuration | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly enableMessageOrdering: boolean;
  readonly expirationPolicy: { readonly ttl: WireDuration | null } | null;
  readonly filter: string;
  readonly deadLetterPolicy: {
    readonly deadLetterTopic: string;
    readonly maxDeliveryAttempts: number;
  } | null;
  readonly retryPolicy: {
    readonly minimumBackoff: WireDuration | null;
    readonly maximumBackoff: WireDuration | null;
  } | null;
  readonly enableExactlyOnceDelivery: boolean;
  readonly state: string;
}

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export function millisecondsOf({ seconds, nanos }: WireDuration): number {
  return Number(seconds) * 1_000 + nanos / 1e6;
}

function timestampOf(moment: Date): WireDuration {
  const milliseconds = moment.getTime();
  return { seconds: Math.floor(milliseconds / 1_000), nanos: (milliseconds % 1_000) * 1e6 };
}

export function toWireMessage(message: PublishedMessage): object {
  const { data, attributes, messageId, orderingKey, publishedAt } = message;
  return { data, attributes, messageId, orderingKey, publishTime: timestampOf(publishedAt) };
}

/** One page of what has a name, in the order of the names; the token is the name of the last one seen. */
export function pageOf<Item extends { readonly name: string }>(
  items: Iterable<Item>,
  { pageSize, pageToken }: PageRequest,
): { readonly page: readonly Item[]; readonly nextPageToken: string } {
  const rest = [...items]
    .filter(({ name }) => name > pageToken)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const page = rest.slice(0, pageSize || 100);
  return { page, nextPageToken: page.length < rest.length ? (page.at(-1)?.name ?? "") : "" };
}
