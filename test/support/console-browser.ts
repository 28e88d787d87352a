import { request } from "node:http";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A browser of a few lines: it keeps one cookie, and sends forms as the pages that hold them do. */
export class Browser {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #cookie = "";

  /** `headers`: what a proxy in front of the console adds. */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const answer = await this.#send("GET", path, headers);
    const [cookie] = answer.headers["set-cookie"] ?? [];
    if (cookie !== undefined) this.#cookie = cookie.split(";", 1)[0] ?? "";
    return answer;
  }

  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const form = { "content-type": "application/x-www-form-urlencoded", origin: this.#url };
    return this.#send("POST", path, { ...form, ...headers }, new URLSearchParams(fields).toString());
  }

  /** The hidden fields of the first form of a page for this action. */
  async form(path: string, action: string): Promise<Record<string, string>> {
    const { text } = await this.get(path);
    const form = new RegExp(`<form[^>]*action="/do/${action}".*?</form>`, "s").exec(text)?.[0];
    if (form === undefined) throw new Error(`There is no form for ${action} in ${text}`);
    const fields = form.matchAll(/name="([^"]+)"\s+value="([^"]*)"/g);
    return Object.fromEntries([...fields].map(([, name = "", value = ""]) => [name, value]));
  }

  /** `fetch` would refuse the headers host and cookie. */
  #send(method: string, path: string, headers: Readonly<Record<string, string>>, body = ""): Promise<Answer> {
    const sent = { accept: "text/html", cookie: this.#cookie, ...this.#headers, ...headers };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const outgoing = request(
      `${this.#url}${path}`,
      { method, headers: { ...sent, "content-length": Buffer.byteLength(body) } },
      (response) => {
        response.toArray().then(
          (chunks) =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
            }),
          reject,
        );
      },
    );
    outgoing.once("error", reject);
    outgoing.end(body);
    return promise;
  }
}
