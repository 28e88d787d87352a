import type { CheerioAPI } from "cheerio";
import { type HtmlNode, oneLine, textWithin } from "./html-text.ts";

/** More properties than any company has: a page made of them would cost too much to read. */
const mostProperties = 200;

type Item = Record<string, unknown>;

/** The first microdata item whose type fits, in the shape of JSON-LD: its properties are lists of texts and items. */
export function microdataItem($: CheerioAPI, isWanted: (type: string) => boolean): Item | undefined {
  const [root] = $("[itemscope][itemtype]")
    .toArray()
    .filter((element) => isWanted(element.attribs.itemtype ?? ""));
  if (!root) return undefined;
  const item = emptyItem();
  let properties = 0;
  const waiting: { readonly node: HtmlNode; readonly owner: Item }[] = childrenOf(root, item);
  for (let next = waiting.pop(); next && properties < mostProperties; next = waiting.pop()) {
    const { node } = next;
    let { owner } = next;
    if ("attribs" in node) {
      const property = node.attribs.itemprop;
      const inner = node.attribs.itemscope === undefined ? undefined : emptyItem();
      if (property !== undefined) {
        properties += 1;
        add(owner, property, inner ?? textOf(node));
      }
      owner = inner ?? owner;
    }
    for (const child of childrenOf(node, owner)) waiting.push(child);
  }
  return item;
}

/** Without a prototype: the page chooses the names. */
function emptyItem(): Item {
  return Object.create(null);
}

/** The last first, as they are taken from the end. */
function childrenOf(node: HtmlNode, owner: Item) {
  return "children" in node ? node.children.toReversed().map((child) => ({ node: child, owner })) : [];
}

function add(owner: Item, property: string, value: unknown): void {
  const before = owner[property];
  owner[property] = [...(Array.isArray(before) ? before : []), value];
}

function textOf(node: Extract<HtmlNode, { attribs: unknown }>): string {
  const text = node.attribs.content ?? node.attribs.href ?? textWithin([node]);
  return oneLine(text.replace(/^(mailto|tel):/i, ""));
}
