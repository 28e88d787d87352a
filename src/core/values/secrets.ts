import { isJsonObject, type JsonValue } from "./json.ts";

const hidden = "…";

/** Secrets in text: callback secrets, tokens in headers, passwords in URLs, keys of services. */
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

/** Masks secrets in text, because an error of a library or a service may quote one. */
export function withoutSecrets(text: string): string {
  return patterns.reduce((shown, [pattern, replacement]) => shown.replace(pattern, replacement), text);
}

const secretKey =
  /pass(?:word|wd|phrase)|^pwd$|secret|token|authori[sz]ation|cookie|credential|api.?key|private.?key|session/i;

/** Whether a field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return secretKey.test(name);
}

/** A secret of a request, and the mark in its place until the request is sent. */
export interface RequestSecret {
  readonly name: string;
  readonly mark: string;
  readonly value: string;
}

const identity = (value: string) => value;

/** Fills the secrets of one request in when it is sent, and removes them from the response and its errors. */
export class SecretRedactor {
  readonly #secrets: readonly RequestSecret[];
  /** The encodings in which a value is likely to occur, longest first. */
  readonly #forms: readonly { readonly form: string; readonly name: string }[];

  constructor(secrets: readonly RequestSecret[]) {
    this.#secrets = secrets;
    this.#forms = secrets
      .flatMap(({ name, value }) => writtenForms(value).map((form) => ({ form, name })))
      .sort((one, other) => other.form.length - one.form.length);
  }

  /** Replaces the marks by the secrets. */
  reveal(text: string, encode: (value: string) => string = identity): string {
    return this.#secrets.reduce(
      (shown, { mark, value }) => shown.replaceAll(mark, () => encode(value)),
      text,
    );
  }

  /** Replaces marks in the strings of a JSON text. */
  revealInJson(text: string): string {
    return this.reveal(text, inJson);
  }

  /** Encodes secrets in the path and the query of a URL. At its start and in its host they are inserted unchanged. */
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

  /** Replaces the secrets by their names. */
  redact(text: string): string {
    return this.#forms.reduce(
      (left, { form, name }) => left.replaceAll(form, () => `[secret ${name}]`),
      text,
    );
  }

  /** Redacts all strings and keys of a value. A number that is a secret becomes text. */
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

/** The forms as HTML text, and in attributes with either kind of quotes. */
function inHtml(value: string): string[] {
  const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = text.replaceAll('"', "&quot;");
  return [text, quoted, ...["&#39;", "&#x27;", "&apos;"].map((code) => quoted.replaceAll("'", code))];
}
