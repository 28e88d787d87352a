import type { Row } from "../../src/ports/warehouse.ts";
import { readChartData } from "../../src/tasks/report/data.ts";
import { renderPage } from "../../src/tasks/report/page.ts";

export const pageOf = (rows: readonly Row[], kind: "bar" | "line" = "line") =>
  renderPage({
    title: "T",
    kind,
    data: readChartData(rows, { x: "x", y: "y", series: rows.some((row) => "s" in row) ? "s" : undefined }),
    note: undefined,
    footer: "",
  });
export const day = (index: number) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10);
export const count = (length: number) => Array.from({ length }, (_, index) => index);

/** The elements of a kind with their attributes, of the whole page. */
export function elements(page: string, name: string) {
  return [...page.matchAll(new RegExp(`<${name} ([^>]*?)/?>([^<]*)`, "g"))].map(
    ([, attributes = "", text = ""]) => ({
      ...Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
      text,
    }),
  ) as readonly Readonly<Record<string, string>>[];
}
export const numbers = (page: string, name: string, attribute: string) =>
  elements(page, name).map((element) => Number(element[attribute]));
export const xLabels = (page: string) => elements(page, "text").filter((text) => text.class === "middle");
/** The lines of each label of the x axis. */
export const xLines = (page: string) =>
  [...page.matchAll(/<text class="middle"[^>]*>([\s\S]*?)<\/text>/g)].map(([, content = ""]) =>
    content
      .replace(/<title>[\s\S]*<\/title>/, "")
      .split(/<tspan[^>]*>/)
      .map((line) => line.replace("</tspan>", "")),
  );
export const cells = (page: string) => [...page.matchAll(/<td>([^<]*)</g)].map(([, text]) => text);
export const groups = (page: string) => page.split('<g class="c').slice(1);
