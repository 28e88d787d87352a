/** As much of a robots.txt as is read, in characters; RFC 9309 asks for 500 KiB at least. */
const mostCharacters = 512 * 1_024;

interface Rule {
  readonly allow: boolean;
  readonly pattern: string;
}

interface Group {
  readonly agents: string[];
  readonly rules: Rule[];
  delaySeconds: number | undefined;
}

/**
 * Whether a robots.txt lets this user agent fetch a path (with its query), by RFC 9309: the groups that name the
 * agent's product, else those for `*`; the longest rule that matches, and of equally long ones the one that allows.
 */
export function isAllowed(robotsText: string, userAgent: string, path: string): boolean {
  const target = normalise(path.startsWith("/") ? path : `/${path}`);
  if (target === "/robots.txt") return true;
  let best: Rule = { allow: true, pattern: "" };
  for (const rule of groupsFor(robotsText, userAgent).flatMap((group) => group.rules)) {
    if (!matches(rule.pattern, target) || rule.pattern.length < best.pattern.length) continue;
    if (rule.pattern.length > best.pattern.length || rule.allow) best = rule;
  }
  return best.allow;
}

/** The seconds a robots.txt asks this user agent to wait between two requests, if it asks for any. */
export function crawlDelaySeconds(robotsText: string, userAgent: string): number | undefined {
  const delays = groupsFor(robotsText, userAgent).flatMap((group) => group.delaySeconds ?? []);
  return delays.length === 0 ? undefined : Math.max(...delays);
}

function groupsFor(robotsText: string, userAgent: string): readonly Group[] {
  const groups = parseGroups(robotsText);
  const product = productOf(userAgent);
  const own = groups.filter((group) => group.agents.includes(product));
  return own.length > 0 ? own : groups.filter((group) => group.agents.includes("*"));
}

/** `BatonBot/1.0 (+https://example.com)` is the product `batonbot`. */
function productOf(userAgent: string): string {
  return (userAgent.trim().split(/[\s/]/)[0] ?? "").toLowerCase();
}

function parseGroups(robotsText: string): readonly Group[] {
  const groups: Group[] = [];
  let group: Group | undefined;
  let hasRules = false;
  for (const { field, value } of linesOf(robotsText)) {
    if (field === "user-agent") {
      // Agents in a row share the rules below them; an agent after rules begins a new group.
      if (!group || hasRules) {
        group = { agents: [], rules: [], delaySeconds: undefined };
        groups.push(group);
        hasRules = false;
      }
      group.agents.push(productOf(value));
    } else if (group && ruleFields.includes(field)) {
      hasRules = true;
      addRule(group, field, value);
    }
  }
  return groups;
}

const ruleFields: readonly string[] = ["allow", "disallow", "crawl-delay"];

function addRule(group: Group, field: string, value: string): void {
  if (field === "crawl-delay") {
    const seconds = Number(value);
    if (value !== "" && Number.isFinite(seconds) && seconds >= 0) group.delaySeconds ??= seconds;
  } else if (/^[/*]/.test(value)) {
    group.rules.push({ allow: field === "allow", pattern: normalise(value) });
  }
}

function linesOf(robotsText: string): readonly { readonly field: string; readonly value: string }[] {
  return robotsText
    .slice(0, mostCharacters)
    .replace(/^\uFEFF/, "")
    .split(/\r\n?|\n/)
    .map((line) => line.split("#", 1)[0] ?? "")
    .flatMap((line) => {
      const colon = line.indexOf(":");
      if (colon < 0) return [];
      return [{ field: line.slice(0, colon).trim().toLowerCase(), value: line.slice(colon + 1).trim() }];
    });
}

/** Part by part instead of as a regular expression, which a hostile file could make take for ever. */
function matches(pattern: string, path: string): boolean {
  const anchored = pattern.endsWith("$");
  const parts = (anchored ? pattern.slice(0, -1) : pattern).split("*");
  const first = parts.shift() ?? "";
  if (!path.startsWith(first)) return false;
  const last = anchored ? parts.pop() : undefined;
  let at = first.length;
  for (const part of parts) {
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  if (!anchored) return true;
  return last === undefined ? at === path.length : path.length - last.length >= at && path.endsWith(last);
}

/** One spelling for what is the same address: escapes in capitals, letters and digits bare, all else escaped. */
function normalise(path: string): string {
  return path
    .replaceAll(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()))
    .replaceAll(/%[0-9a-f]{2}/gi, (code) => {
      const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(character) ? character : code.toUpperCase();
    });
}
