const scopes = ["https://www.googleapis.com/auth/trace.append"];

/**
 * Makes the headers of requests to Google's own receiver. The library is loaded at the first of them. Without
 * credentials there are none, as the exporter demands: then the receiver says what is missing.
 */
export function googleHeaders(projectId: string): () => Promise<Record<string, string>> {
  const load = async () => {
    const { GoogleAuth } = await import("google-auth-library");
    return new GoogleAuth({ scopes });
  };
  let auth: ReturnType<typeof load> | undefined;
  return async () => {
    auth ??= load();
    const quota = { "x-goog-user-project": projectId };
    try {
      return { ...quota, ...Object.fromEntries(await (await auth).getRequestHeaders()) };
    } catch {
      return quota;
    }
  };
}
