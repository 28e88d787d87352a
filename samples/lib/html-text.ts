import type { CheerioAPI } from "cheerio";

type Root = ReturnType<CheerioAPI["root"]>[number];
/** A node of a parsed page. */
export type HtmlNode = Root | Root["children"][number];

const textNode = 3;
const elementNode = 1;
/** What browsers do not show. */
const unseen = new Set(["script", "style", "template", "noscript"]);
const cells = new Set(["td", "th"]);
const blocks = new Set(
  "address article blockquote body br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section table title tr ul".split(
    " ",
  ),
);

/** Marks where a block ends; taken out of the text of the page. */
const blockEnd = "\u0001";

/**
 * The text of some nodes but for the left out ones, one block a line. Walks without recursion: a page may be nested
 * deeper than the call stack is.
 */
export function textWithin(nodes: readonly HtmlNode[], leftOut: ReadonlySet<HtmlNode> = new Set()): string {
  const parts: string[] = [];
  const waiting: (HtmlNode | string)[] = nodes.toReversed();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next === "string") parts.push(next);
    else if (next.nodeType === textNode) parts.push(next.data.replaceAll(blockEnd, " "));
    else if ("children" in next && !isUnseen(next) && !leftOut.has(next)) {
      const border = borderOf(next);
      parts.push(border);
      waiting.push(border);
      // One by one: as the arguments of one call, many children would not fit on the stack.
      for (const child of next.children.toReversed()) waiting.push(child);
    }
  }
  return parts.join("").split(blockEnd).map(oneLine).filter(Boolean).join("\n");
}

function isUnseen(node: HtmlNode): boolean {
  return node.nodeType === elementNode && unseen.has(node.name);
}

function borderOf(node: HtmlNode): string {
  if (node.nodeType !== elementNode) return "";
  if (blocks.has(node.name)) return blockEnd;
  return cells.has(node.name) ? " " : "";
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
