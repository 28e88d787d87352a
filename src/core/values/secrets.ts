import { isJsonObject, type JsonValue } from "./json.ts";

const hidden = "…";

/** What secrets look like in text: those of callbacks, tokens in headers, passwords in addresses, keys of services. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/(whsec_|bearer\s+)[\w+/=.~-]+/gi, `$1${hidden}`],
  [/(authorization\\?["']?\s*[:=]\s*\\?["']?(?:basic|digest|token|apikey)\s+)[^\s"'\\,]+/gi, `$1${hidden}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@"'\\]*:)[^\s/@"'\\]+(?=@)/gi, `$1${hidden}`],
  [
    /([?&][\w.-]*(?:token|key|secret|sig|signature|passw(?:or)?d|pwd|credential|auth)=)[^\s&#"'\\)]+/gi,
    `$1${hidden}`,
  ],
  [/\b([\w.-]*(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key)=)[^\s&;,"'\\)]+/gi, `$1${hidden}`],
  [
    /(["'][\w.-]*(?:passw(?:or)?d|secret|token|api_?key|access_?key|private_?key)\\?["']\s*:\s*\\?["'])[^"'\\]+/gi,
    `$1${hidden}`,
  ],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, `eyJ${hidden}`],
  [/(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|$)/g, `$1${hidden}`],
  [/\b(ya29\.|AIza|AKIA|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk_live_|sk-)[\w.-]{12,}/g, `$1${hidden}`],
];

/** The message of an error from a library or a service may quote a secret. */
export function withoutSecrets(text: string): string {
  return patterns.reduce((shown, [pattern, replacement]) => shown.replace(pattern, replacement), text);
}

const secretKey =
  /pass(?:word|wd|phrase)|^pwd$|secret|token|authori[sz]ation|cookie|credential|api.?key|private.?key|session/i;

/** Whether a field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return secretKey.test(name);
}

/** A secret, and the mark that is in its place until a request leaves. */
export interface RequestSecret {
  readonly name: string;
  readonly mark: string;
  readonly value: string;
}

const asItIs = (value: string) => value;

/** The secrets of one request: puts them in at the last moment, and takes them out of whatever comes back. */
export class SecretRedactor {
  readonly #secrets: readonly RequestSecret[];
  /** Every way in which a value is likely to be written, the longest first. */
  readonly #forms: readonly { readonly form: string; readonly name: string }[];

  constructor(secrets: readonly RequestSecret[]) {
    this.#secrets = secrets;
    this.#forms = secrets
      .flatMap(({ name, value }) => writtenForms(value).map((form) => ({ form, name })))
      .sort((one, other) => other.form.length - one.form.length);
  }

  /** The text with the secrets in the places of their marks. */
  reveal(text: string, encode: (value: string) => string = asItIs): string {
    return this.#secrets.reduce(
      (shown, { mark, value }) => shown.replaceAll(mark, () => encode(value)),
      text,
    );
  }

  /** JSON text, in whose strings there are marks. */
  revealInJson(text: string): string {
    return this.reveal(text, inJson);
  }

  /**
   * Within its path and query a secret is encoded; one at the beginning of an address, or in its host, is part of it.
   */
  revealInUrl(text: string): string {
    const begins = this.#secrets.find(({ mark }) => text.startsWith(mark));
    const start = begins ? begins.value + text.slice(begins.mark.length) : text;
    const [origin = ""] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(start) ?? [];
    const [path = "", ...query] = start.slice(origin.length).split("?");
    const shownPath = this.reveal(path, (value) => value.split("/").map(encodeURIComponent).join("/"));
    const shownQuery = query.map((part) => `?${this.reveal(part, encodeURIComponent)}`).join("");
    return this.reveal(origin) + shownPath + shownQuery;
  }

  isIn(text: string): boolean {
    return this.#forms.some(({ form }) => text.includes(form));
  }

  /** The text without the secrets. */
  redact(text: string): string {
    return this.#forms.reduce(
      (left, { form, name }) => left.replaceAll(form, () => `[secret ${name}]`),
      text,
    );
  }

  /** The value without the secrets, in its keys as well; a number that is one becomes text. */
  redactJson(value: JsonValue): JsonValue {
    if (this.#forms.length === 0) return value;
    if (typeof value === "string") return this.redact(value);
    if (typeof value === "number") return this.isIn(String(value)) ? this.redact(String(value)) : value;
    if (Array.isArray(value)) return value.map((item) => this.redactJson(item));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.redact(key), this.redactJson(item)]),
    );
  }
}

function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function writtenForms(value: string): string[] {
  const encoded = encodeURIComponent(value);
  const lowerCase = encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const forms = [
    value,
    inJson(value),
    inJson(inJson(value)),
    encodeURI(value),
    encoded,
    lowerCase,
    encoded.replaceAll("%20", "+"),
    ...inHtml(value),
  ];
  return [...new Set(forms)];
}

/** As the text of an element, within quotes of the one kind or of both. */
function inHtml(value: string): string[] {
  const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = text.replaceAll('"', "&quot;");
  return [text, quoted, ...["&#39;", "&#x27;", "&apos;"].map((code) => quoted.replaceAll("'", code))];
}
