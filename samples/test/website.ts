import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import type { FakeAnswer, FakeRequest } from "baton-dag/testing";
import { onTestFinished } from "vitest";
import { siteFile } from "../scripts/site-server/site-file.ts";

/** The address of the sample site in tests that send no request. */
export const siteUrl = "https://site.example";

type Answer = (path: string, asked: number) => FakeAnswer | undefined;

/** The site of the samples asks for a second between two requests; this one does not. */
const noRules: FakeAnswer = { headers: { "content-type": "text/plain" }, body: "" };

/**
 * The pages of the sample site, except for paths that `answer` answers. `asked` is how often the path was requested,
 * this time included.
 */
export class Website {
  readonly requests: FakeRequest[] = [];
  readonly #answer: Answer;

  constructor(answer: Answer = () => undefined) {
    this.#answer = answer;
  }

  /** Paths in the order of their requests. */
  get paths(): readonly string[] {
    return this.requests.map(({ url }) => new URL(url).pathname);
  }

  /** For `testWorkflow`: `http: site.http`. */
  readonly http = async (request: FakeRequest): Promise<FakeAnswer> => {
    this.requests.push(request);
    const path = new URL(request.url).pathname;
    const asked = this.paths.filter((each) => each === path).length;
    const own = this.#answer(path, asked) ?? (path === "/robots.txt" ? noRules : undefined);
    if (own) return { ...own, headers: { "content-type": "text/html", ...own.headers } };
    const file = await siteFile(path);
    return file
      ? { headers: { "content-type": file.contentType }, body: Buffer.from(file.bytes).toString() }
      : { status: 404, headers: { "content-type": "text/plain" } };
  };

  /** Serves the site on this machine until the test ends; gives its address. */
  async serve(): Promise<string> {
    const server = createServer(async (incoming, response) => {
      const { method = "GET", url: path = "" } = incoming;
      const body = await text(incoming);
      const request = {
        method: method as FakeRequest["method"],
        url: new URL(path, siteUrl).href,
        headers: {},
      };
      const answer = await this.http({ ...request, body, json: undefined });
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The server has no port");
    return `http://127.0.0.1:${address.port}`;
  }
}
