import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { startLocalServer } from "../../src/app/local-server.ts";
import { createConsole, localAccess, readAssets } from "../../src/console/index.ts";
import type { PageAccess } from "../../src/ports/pages.ts";
import { testApp } from "../support/app.ts";

type Workflows = NonNullable<Parameters<typeof testApp>[0]["workflows"]>;

export const assets = readAssets(fileURLToPath(new URL("../../dist/console", import.meta.url)));

/** A console on a real server, and a browser of a few lines that is signed in. */
export interface ConsolePlace {
  readonly app: EmbeddedApp;
  readonly url: string;
  /** The tokens of the sign-in addresses so far. */
  readonly tokens: readonly string[];
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Sends a form as the page that holds it does. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** The fields of the first form of a page with this action. */
  form(path: string, action: string): Promise<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function openConsole(
  workflows: Workflows,
  { access, data }: { readonly access?: PageAccess; readonly data?: string } = {},
): Promise<ConsolePlace> {
  const app = testApp({ workflows, ...(data !== undefined && { data }) });
  const logger = createLogger("silent");
  const tokens: string[] = [];
  const local = localAccess({
    secret: "a secret of this test",
    actor: "ada",
    onToken: (token) => void tokens.push(token),
  });
  const pages = createConsole({ app, access: access ?? local, assets, logger, place: "test" });
  const server = await startLocalServer({ app, logger }, { port: 0, host: "127.0.0.1" }, { pages });
  onTestFinished(() => server.stop());
  const signIn = await fetch(`${server.url}/?token=${tokens[0]}`, { headers: { accept: "text/html" } });
  const cookie = signIn.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(server.url + path, { redirect: "manual", ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const get: ConsolePlace["get"] = (path, headers = {}) =>
    send(path, { headers: { accept: "text/html", cookie, ...headers } });
  return {
    app,
    url: server.url,
    tokens,
    get,
    post: (path, fields, headers = {}) =>
      send(path, {
        method: "POST",
        headers: { cookie, origin: server.url, ...headers },
        body: new URLSearchParams(fields),
      }),
    async form(path, action) {
      const { text } = await get(path);
      const [, inside = ""] =
        new RegExp(`<form method="post" action="${action}"[^>]*>(.*?)</form>`).exec(text) ?? [];
      const hidden = inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
      return Object.fromEntries([...hidden].map(([, name = "", value = ""]) => [name, value]));
    },
  };
}
