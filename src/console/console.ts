import type { App } from "../app/app.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import type { PageAccess, PageHandler, PageRequest, PageResponse, Refusal, Visitor } from "../ports/pages.ts";
import type { Logger } from "../ports/telemetry.ts";
import { formToken, isOwnForm } from "./access.ts";
import type { Assets } from "./assets.ts";
import { BatchReader } from "./batch/reader.ts";
import { doneTexts, isActionName, parseForm, performers } from "./do.ts";
import { errorPage, type Failure, failureOf, noteReachable } from "./error-page.ts";
import { html } from "./html.ts";
import { pageResponse, plainPage, redirect } from "./responses.ts";
import { findRoute } from "./routes.ts";
import { type Page, shell } from "./shell.ts";
import type { View } from "./view.ts";

export interface ConsoleOptions {
  readonly app: App;
  readonly access: PageAccess;
  readonly assets: Assets;
  readonly logger: Logger;
  /** What this Baton is, for the navigation: a folder, or a project on Google Cloud. */
  readonly place: string;
}

/** Forms whose outcome is remembered: the same form sent again gets the same answer. */
const rememberedForms = 1_000;

/** The console: one handler of requests, whatever server it is part of. */
export function createConsole(options: ConsoleOptions): PageHandler {
  const { app, access, assets, logger, place } = options;
  const reader = new BatchReader(app);
  const outcomes = new Map<string, Promise<string>>();

  return async (request) => {
    const target = targetOf(request, assets);
    return target === undefined || "status" in target ? target : answer(request, target);
  };

  async function answer(request: PageRequest, target: Target): Promise<PageResponse> {
    const visitor = await access.identify(request);
    if ("headers" in visitor) return visitor;
    if ("title" in visitor) return refuse(visitor);
    if (request.method === "POST" && !("action" in target))
      return refuse(visitor.mayAct ? noChange : readOnly);
    return open(request, visitor, target);
  }

  async function open(request: PageRequest, visitor: Visitor, target: Target): Promise<PageResponse> {
    const view = viewOf(visitor, target.url);
    const respond = (page: Page) => {
      const document = shell(withNotice(view, page), { ...assets, place, ...visitor });
      return pageResponse(request, page.status ?? 200, document);
    };
    try {
      if ("action" in target) return await change(request, visitor, target.action);
      const found = (await target.route?.open(view)) ?? notFound(view);
      noteReachable();
      return "headers" in found ? found : respond(found);
    } catch (thrown) {
      return respond(errorPage(view, reported(thrown)));
    }
  }

  function reported(thrown: unknown): Failure {
    const failure = failureOf(thrown);
    if (failure.status === 500) logger.error("a page of the console failed", { error: errorMessage(thrown) });
    return failure;
  }

  function viewOf(visitor: Visitor, { pathname, search, searchParams }: URL): View {
    return {
      app,
      reader,
      now: Date.now(),
      path: pathname,
      here: pathname + search,
      query: searchParams,
      actor: visitor.actor,
      mayAct: visitor.mayAct,
      formToken: formToken(access, visitor),
      style: assets.style,
      secret: access.secret,
    };
  }

  async function change(request: PageRequest, visitor: Visitor, name: string): Promise<PageResponse> {
    const body = new URLSearchParams(Buffer.from(request.body).toString());
    if (!isOwnForm(request, formToken(access, visitor), body.get("token"))) return refuse(foreignForm);
    if (!visitor.mayAct) return refuse(readOnly);
    if (!isActionName(name)) throw new BatonError("USAGE", `There is no action ${name}`);
    const form = parseForm(body);
    const known = outcomes.get(form.once);
    const outcome = known ?? performers[name](app, form);
    if (!known) remember(form.once, outcome);
    const to = await outcome;
    if (!known) logger.info("an action of the console", { action: name, actor: visitor.actor, to });
    return redirect(to);
  }

  /** A failed action may be tried again by the same form. */
  function remember(once: string, outcome: Promise<string>): void {
    outcomes.set(once, outcome);
    outcome.catch(() => outcomes.delete(once));
    const [oldest] = outcomes.keys();
    if (outcomes.size > rememberedForms && oldest !== undefined) outcomes.delete(oldest);
  }
}

const foreignForm: Refusal = {
  status: 403,
  title: "This change did not come from the console",
  remedy: "Open the console again, and repeat the change there.",
};

const noChange: Refusal = {
  status: 403,
  title: "A page takes no changes",
  remedy: "Change things by the forms of the pages, which post to /do.",
};

const readOnly: Refusal = {
  status: 403,
  title: "Your account may only read",
  remedy: "Ask an operator to do it, or to add your account to BATON_CONSOLE_OPERATORS.",
};

function refuse({ status, title, remedy }: Refusal): PageResponse {
  return plainPage(status, title, html`<p>${remedy}</p>`);
}

type Target =
  | { readonly url: URL; readonly action: string }
  | { readonly url: URL; readonly route: ReturnType<typeof findRoute> };

/** What a request is for. A response: a file. Undefined: nothing of the console. */
function targetOf(request: PageRequest, assets: Assets): Target | PageResponse | undefined {
  const url = URL.parse(request.url, "http://localhost");
  if (!url) return undefined;
  const { pathname } = url;
  const action = /^\/do\/([\w-]+)$/.exec(pathname)?.[1];
  const route = findRoute(pathname);
  // The root is the entry of messages.
  if (request.method === "POST") {
    if (action !== undefined) return { url, action };
    return route && pathname !== "/" ? { url, route } : undefined;
  }
  if (request.method !== "GET") return undefined;
  // Programs that look whether the server runs ask for its root or its health, and for no page.
  const isPage = request.headers.accept?.includes("text/html");
  if (pathname.startsWith("/assets/") || isPage || (route && pathname !== "/"))
    return assets.respond(request, pathname) ?? { url, route };
  return undefined;
}

/** What the form that led here has done. Only known texts: a link can't put words into the page. */
function withNotice({ query }: View, page: Page): Page {
  const name = query.get("done");
  if (!isActionName(name)) return page;
  return { ...page, body: html`<p class="notice" role="status">${doneTexts[name]}</p>${page.body}` };
}

function notFound({ path }: View): Page {
  return {
    title: "Not found",
    section: "none",
    status: 404,
    liveness: "still",
    body: html`<div class="nothing"><p><strong>There is no page ${path}.</strong></p><div><a
      href="/">To the overview</a></div></div>`,
  };
}
