/** Workflows that come with Baton, in functions/workflows: a test compares them. */
export const sampleWorkflowIds: readonly string[] = [
  "account-enrichment",
  "cleanup_old_data",
  "contributions-analysis",
  "contributions-refresh",
  "generate_analytics_report",
  "greet",
  "process_document",
  "sales-refresh",
  "scrape_website",
  "search-index",
  "send_notification",
];
