import { expect, test } from "vitest";
import { companyFields, mainText } from "../../lib/page.ts";
import { sampleText } from "../support.ts";

const companyPage = (name: string): string => sampleText(`site/companies/${name}.html`);
const fieldsOf = (name: string) =>
  companyFields(companyPage(name), `http://127.0.0.1:8090/companies/${name}.html`);

test("the main text is blocks on lines, without what stands around it", async () => {
  expect(await mainText(companyPage("lantern-roasters"))).toEqual({
    title: "Lantern Roasters | Coffee from Harbour Street",
    description: "Small-batch coffee, roasted every Tuesday.",
    text: [
      "Coffee, roasted slowly",
      "We roast four origins in batches of twelve kilograms, every Tuesday.",
      "Come and taste them: the door is open from eight to five.",
      "Write to our order desk.",
    ].join("\n"),
  });
  expect((await mainText(companyPage("alpenblatt-tee"))).text).toContain("Sorte Preis\nMinze 6,90 €\n");
});

test("a page without a main part gives its body without menus", async () => {
  const { text, title } = await mainText(companyPage("brightwater-grid"));
  expect(title).toBe("Brightwater Grid");
  expect(text).toMatch(/^Power for small islands\n/);
  expect(text).not.toContain("Menu");
  expect((await mainText("<main></main><p>outside")).text).toBe("outside");
});

test.for(["", "no tags", "<<<>>", "<p", "\u0001a\u0001b"])("any text can be read: %j", async (html) => {
  await expect(mainText(html)).resolves.toMatchObject({ description: "" });
  await expect(companyFields(html, "not a url")).resolves.toMatchObject({ emails: [], socials: [] });
});

test("JSON-LD gives a company; links add to it; buttons for sharing and other sites do not", async () => {
  expect(await fieldsOf("lantern-roasters")).toEqual({
    name: "Lantern Roasters Ltd",
    description: "A roastery of small batches of coffee.",
    industry: "Food and beverages",
    emails: ["hello@lantern-roasters.example", "orders@lantern-roasters.example"],
    phones: ["+44 20 7946 0101"],
    socials: [
      "https://www.linkedin.com/company/lantern-roasters-sample",
      "https://www.instagram.com/lantern.roasters.sample",
    ],
    address: "12 Harbour Street, BS1 4RW Bristol, GB",
  });
});

test("JSON-LD in a graph, with points of contact; the same number twice is there once", async () => {
  expect(await fieldsOf("alpenblatt-tee")).toMatchObject({
    name: "Alpenblatt Tee GmbH",
    description: "Kräutertee aus den Bergen.",
    industry: "Tea and herbs",
    emails: ["verkauf@alpenblatt.example"],
    phones: ["+43 5574 000 111"],
    address: "Seestraße 7, 6900 Bregenz, Österreich",
  });
});

test("microdata, where the JSON-LD is broken", async () => {
  expect(await fieldsOf("keel-and-anvil")).toEqual({
    name: "Keel & Anvil",
    description: "Fittings for wooden boats, forged by hand.",
    industry: "",
    emails: ["forge@keel-and-anvil.example"],
    phones: ["+1-555-0142"],
    socials: ["https://github.com/keel-and-anvil-sample"],
    address: "3 Slipway Lane, 04000 Port Lark, ME",
  });
});

test("a publisher within a page, an address as text, an email in the text", async () => {
  expect(await fieldsOf("brightwater-grid")).toEqual({
    name: "Brightwater Grid AS",
    description: "Power lines and batteries for small islands.",
    industry: "Energy",
    emails: ["press@brightwater-grid.example"],
    phones: [],
    socials: ["https://x.com/brightwater_sample"],
    address: "Kaiveien 1, 8300 Svolvær, Norway",
  });
});

test("structured data nested without end is left alone", async () => {
  const deep = `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`;
  const html = `<script type="application/ld+json">${deep}</script><title>Plain</title>`;
  expect((await companyFields(html, "http://a.example/")).name).toBe("Plain");
});

test("the title is the page's and not that of a picture in it", async () => {
  expect(await mainText("<svg><title>Icon</title></svg><title>Page</title><p>x")).toMatchObject({
    title: "Page",
    text: "x",
  });
});

test.for([
  ["nested without end", "<div>".repeat(20_000)],
  ["wide", "<p>hello <b>there</b>".repeat(20_000)],
  ["items within items", '<div itemscope itemprop="a" itemtype="Organization">'.repeat(20_000)],
  ["properties within properties", `<i itemscope itemtype="Store">${"<b itemprop=name>".repeat(20_000)}`],
] as const)("a page that is %s can be read", async ([, html]) => {
  expect((await mainText(`${html}words a@b.example`)).text).toContain("words");
  expect((await companyFields(`${html}words a@b.example`, "http://a.example/")).emails).toEqual([
    "a@b.example",
  ]);
});
