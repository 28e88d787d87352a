/**
 * Messages of google.firestore.v1, as the protos' loader hands them over: a field that is not on the wire is absent.
 */

export interface Timestamp {
  readonly seconds?: string | number;
  readonly nanos?: number;
}

/** Exactly one of these is there. */
export interface Value {
  readonly nullValue?: string;
  readonly booleanValue?: boolean;
  readonly integerValue?: string;
  readonly doubleValue?: number;
  readonly timestampValue?: Timestamp;
  readonly stringValue?: string;
  readonly bytesValue?: Buffer;
  readonly referenceValue?: string;
  readonly geoPointValue?: { readonly latitude?: number; readonly longitude?: number };
  readonly arrayValue?: { readonly values?: readonly Value[] };
  readonly mapValue?: { readonly fields?: Fields };
}

export type Fields = Readonly<Record<string, Value>>;

export interface WireDocument {
  readonly name?: string;
  readonly fields?: Fields;
  readonly createTime?: Timestamp;
  readonly updateTime?: Timestamp;
}

export interface Mask {
  readonly fieldPaths?: readonly string[];
}

export interface Precondition {
  readonly exists?: boolean;
  readonly updateTime?: Timestamp;
}

export interface FieldTransform {
  readonly fieldPath?: string;
  readonly setToServerValue?: string;
  readonly increment?: Value;
  readonly appendMissingElements?: { readonly values?: readonly Value[] };
  readonly removeAllFromArray?: { readonly values?: readonly Value[] };
}

export interface Write {
  readonly update?: WireDocument;
  readonly delete?: string;
  readonly updateMask?: Mask;
  readonly updateTransforms?: readonly FieldTransform[];
  readonly currentDocument?: Precondition;
}

export interface WriteResult {
  readonly updateTime?: Timestamp;
  readonly transformResults?: readonly Value[];
}

export interface WriteRequest {
  readonly database?: string;
  readonly writes?: readonly Write[];
  readonly transaction?: Buffer;
}

export interface TransactionOptions {
  readonly readOnly?: { readonly readTime?: Timestamp };
  readonly readWrite?: { readonly retryTransaction?: Buffer };
}

/** At most one of these is there. */
export interface Consistency {
  readonly transaction?: Buffer;
  readonly newTransaction?: TransactionOptions;
  readonly readTime?: Timestamp;
}

export interface BatchGetRequest extends Consistency {
  readonly database?: string;
  readonly documents?: readonly string[];
  readonly mask?: Mask;
}

interface FieldReference {
  readonly fieldPath?: string;
}

interface FieldFilter {
  readonly field?: FieldReference;
  readonly op?: string;
  readonly value?: Value;
}

export interface Filter {
  readonly compositeFilter?: { readonly op?: string; readonly filters?: readonly Filter[] };
  readonly fieldFilter?: FieldFilter;
  readonly unaryFilter?: { readonly op?: string; readonly field?: FieldReference };
}

export interface Cursor {
  readonly values?: readonly Value[];
  readonly before?: boolean;
}

export interface StructuredQuery {
  readonly select?: { readonly fields?: readonly FieldReference[] };
  readonly from?: readonly { readonly collectionId?: string; readonly allDescendants?: boolean }[];
  readonly where?: Filter;
  readonly orderBy?: readonly { readonly field?: FieldReference; readonly direction?: string }[];
  readonly startAt?: Cursor;
  readonly endAt?: Cursor;
  readonly offset?: number;
  readonly limit?: { readonly value?: number };
  readonly findNearest?: unknown;
}

export interface RunQueryRequest extends Consistency {
  readonly parent?: string;
  readonly structuredQuery?: StructuredQuery;
}

export interface Aggregation {
  readonly count?: { readonly upTo?: { readonly value?: string } };
  readonly alias?: string;
}

export interface RunAggregationQueryRequest extends Consistency {
  readonly parent?: string;
  readonly structuredAggregationQuery?: {
    readonly structuredQuery?: StructuredQuery;
    readonly aggregations?: readonly Aggregation[];
  };
}
