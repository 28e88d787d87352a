export interface FirestoreSettings {
  readonly projectId: string;
  /** `(default)`, or the id of another database. */
  readonly databaseId: string;
  /** How long documents are kept after their last write, where their collection says so. */
  readonly retentionSeconds: number;
}
