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
