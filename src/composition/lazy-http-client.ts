import type { HttpClient } from "../ports/http-client.ts";
import type { Configuration } from "./configuration.ts";

/** The HTTP client, loaded at the first request: most processes make none. */
export function lazyHttpClient({ allowPrivateAddresses }: Configuration): HttpClient {
  let client: Promise<HttpClient> | undefined;
  const load = async (): Promise<HttpClient> => {
    const { GuardedHttpClient } = await import("../adapters/http/http-client.ts");
    return new GuardedHttpClient({ allowPrivate: allowPrivateAddresses });
  };
  return {
    async request(request) {
      client ??= load();
      return (await client).request(request);
    },
  };
}
