import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { siteFile } from "../scripts/site-server/site-file.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface SiteRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface SampleSite {
  readonly url: string;
  readonly requests: readonly SiteRequest[];
  /** Paths that were asked for, in order. */
  readonly paths: () => readonly string[];
}

/** What a site says that minds nothing: that of the samples asks for a second between two requests. */
const allAllowed: Answer = { headers: { "content-type": "text/plain" }, body: "" };

/**
 * The sample site on a real HTTP server, but for the paths that `answer` answers itself; `asked` is how often that path
 * has been asked for, this time included. Closed with the test.
 */
export async function sampleSite(
  answer: (path: string, asked: number) => Answer | undefined = () => undefined,
): Promise<SampleSite> {
  const requests: SiteRequest[] = [];
  const paths = () => requests.map(({ path }) => path);
  const server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    requests.push({ method, path, headers, body: await text(request) });
    const asked = paths().filter((each) => each === path).length;
    const own = answer(path, asked) ?? (path === "/robots.txt" ? allAllowed : undefined);
    const file = own ? undefined : await siteFile(path);
    if (own) response.writeHead(own.status ?? 200, { "content-type": "text/html", ...own.headers });
    else response.writeHead(file ? 200 : 404, { "content-type": file?.contentType ?? "text/plain" });
    response.end(own ? own.body : file?.bytes);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return { url: `http://127.0.0.1:${address.port}`, requests, paths };
}
