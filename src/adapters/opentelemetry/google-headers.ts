import { Credentials } from "../remote/google-credentials.ts";

/**
 * Makes the headers of requests to Google's own receiver. Without credentials there are none, as the exporter demands:
 * then the receiver says what is missing.
 */
export function googleHeaders(projectId: string): () => Promise<Record<string, string>> {
  const credentials = new Credentials({ scope: "https://www.googleapis.com/auth/trace.append" });
  return async () => {
    const own = await credentials.headers().catch(() => ({}));
    return { "x-goog-user-project": projectId, ...own };
  };
}
