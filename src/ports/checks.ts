/**
 * What `baton doctor` looks at. Every method only reads, tells what is there (undefined: it is not), and throws what the
 * service's client throws, with its `code`: a status of gRPC or of HTTP.
 */

export interface CredentialChecks {
  /** Whose credentials they are; undefined: they don't say. */
  account(): Promise<string | undefined>;
}

export interface DatabaseSettings {
  readonly type: string;
  readonly edition: string;
  readonly location: string;
  readonly recoversPointInTime: boolean;
  readonly isProtected: boolean;
}

/** A field whose indexes or whose time to live are not the automatic ones. */
export interface FieldSettings {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  /** Undefined: the automatic ones. */
  readonly indexes: readonly FieldIndex[] | undefined;
  /** `ACTIVE`, `CREATING`, `NEEDS_REPAIR`; undefined: nothing is deleted by this field. */
  readonly ttlState: string | undefined;
}

export interface FieldIndex {
  /** `ASCENDING`, `DESCENDING`, `CONTAINS`. */
  readonly mode: string;
  /** `COLLECTION`, `COLLECTION_GROUP`. */
  readonly scope: string;
  /** `READY`, `CREATING`, `NEEDS_REPAIR`. */
  readonly state: string;
}

export interface DatabaseChecks {
  database(): Promise<DatabaseSettings | undefined>;
  fields(): Promise<readonly FieldSettings[]>;
  /** Whether the caller may read and write documents of this database. */
  mayUseDocuments(): Promise<boolean>;
  /** Fields that have to be as the application's own file says. */
  readonly wantedFields: readonly WantedField[];
  close(): Promise<void>;
}

export interface WantedField {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  readonly indexes: readonly Pick<FieldIndex, "mode" | "scope">[];
  readonly ttl: boolean;
}

/** Durations are seconds. */
export interface SubscriptionSettings {
  /** Id of its topic; `_deleted-topic_` when that was deleted. */
  readonly topic: string;
  readonly pushEndpoint: string | undefined;
  readonly token: { readonly serviceAccount: string; readonly audience: string } | undefined;
  readonly ackDeadlineSeconds: number;
  readonly hasRetryPolicy: boolean;
  /** Id of the topic. */
  readonly deadLetterTopic: string | undefined;
  /** Deliveries after which a message goes there. */
  readonly deliveryAttempts: number;
  /** Undefined: it never expires. */
  readonly expiresAfterSeconds: number | undefined;
  readonly retentionSeconds: number;
}

/** Topics and subscriptions by their ids. */
export interface BrokerChecks {
  hasTopic(topic: string): Promise<boolean>;
  subscription(subscription: string): Promise<SubscriptionSettings | undefined>;
  /** The subscriptions that a topic has; undefined: there is no such topic. */
  subscriptionsOf(topic: string): Promise<readonly string[] | undefined>;
  /** Those of the permissions that the caller has. */
  permissions(topic: string, asked: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface TaskQueueSettings {
  /** `RUNNING`, `PAUSED`, `DISABLED`. */
  readonly state: string;
  /** -1: no limit. */
  readonly maxAttempts: number;
  /** 0: no limit. */
  readonly maxRetrySeconds: number;
  readonly maxBackoffSeconds: number;
  readonly maxConcurrentDispatches: number;
  readonly maxDispatchesPerSecond: number;
}

/** Of one queue of Cloud Tasks. */
export interface TimerChecks {
  queue(): Promise<TaskQueueSettings | undefined>;
  permissions(asked: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface BucketSettings {
  readonly location: string;
  /** Undefined: the service does not say. */
  readonly hasUniformAccess: boolean | undefined;
}

export interface BucketNotification {
  /** Id of the topic. */
  readonly topic: string;
  /** Empty: all. */
  readonly eventTypes: readonly string[];
}

export interface BucketChecks {
  bucket(name: string): Promise<BucketSettings | undefined>;
  notifications(bucket: string): Promise<readonly BucketNotification[]>;
  permissions(bucket: string, asked: readonly string[]): Promise<readonly string[]>;
}

export interface WarehouseChecks {
  /** Where the dataset is. */
  datasetLocation(signal: AbortSignal): Promise<string | undefined>;
  /** The columns that a table of callbacks has to have and this one lacks; undefined: there is no such table. */
  missingCallbackColumns(table: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
}

/** A job of Cloud Scheduler that publishes. */
export interface ScheduledMessage {
  readonly name: string;
  readonly schedule: string;
  /** `ENABLED`, `PAUSED`, … */
  readonly state: string;
  /** Id of the topic. */
  readonly topic: string;
  /** Text of the message. */
  readonly message: string;
}

export interface SchedulerChecks {
  messages(signal: AbortSignal): Promise<readonly ScheduledMessage[]>;
}

export interface AccountChecks {
  /** Those of the permissions on the project that the caller has. */
  onProject(asked: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** On a service account; undefined: there is none of this name. */
  onServiceAccount(
    account: string,
    asked: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>;
}
