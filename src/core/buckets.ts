/** Baton's own buckets, by the names that documents keep: folders of one bucket of Cloud Storage, or of the data folder. */
export const ownBuckets = {
  results: "results",
  reports: "reports",
  deadLetters: "dead-letters",
  definitions: "definitions",
} as const;
