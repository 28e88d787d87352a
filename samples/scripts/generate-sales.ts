// Writes data/sales/sales-2026-10.csv: the orders of October 2026, the same on every machine.
// Run: node scripts/generate-sales.ts
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const orders = 4_960;
const corrections = 40;
const days = 31;

const products = [
  ["Espresso beans 1 kg", "Coffee", 1_890],
  ["Filter coffee 500 g", "Coffee", 949],
  ["Decaf, Swiss water", "Coffee", 1_275],
  ["Sencha 100 g", "Tea", 820],
  ["Assam breakfast", "Tea", 615],
  ["Rooibos vanilla", "Tea", 540],
  ['Moka pot "Classic" 6 cups', "Equipment", 3_495],
  ["Hand grinder", "Equipment", 5_900],
  ["Paper filters, 100 pieces", "Equipment", 399],
] as const;

const customers = [
  "Müller, Söhne & Co.",
  "Zoë van Dijk",
  "Łukasz Wójcik",
  "Ñandú Café S.L.",
  "東京珈琲店",
  "O'Brien & Daughters",
  'Bar "Zum Löwen"',
  "Smith, Jones and Partners",
  "Ålesund Kaffebrenneri",
  "François Lefèvre",
  "Κώστας Παππάς",
  "Priya Sharma",
  "Café d'Été, Genève",
  "João Conceição",
  "Mary Ann Evans",
] as const;

const cities = [
  "Köln",
  "Utrecht",
  "Kraków",
  "Córdoba",
  "東京",
  "Cork",
  "Zürich",
  "London",
  "Ålesund",
  "Lyon",
] as const;

interface Order {
  readonly orderId: string;
  readonly orderedAt: string;
  readonly customer: string;
  readonly city: string;
  readonly product: (typeof products)[number];
  readonly quantity: number;
  readonly unitCents: number;
  readonly status: "paid" | "shipped" | "cancelled";
}

const random = mulberry32(20_261_001);
const rows = Array.from({ length: orders }, (_, index) => makeOrder(index));
// A correction repeats an order some hundreds of rows later, with another quantity.
for (let index = 0; index < corrections; index += 1) {
  const at = 60 + Math.floor((index * (orders - 700)) / corrections);
  const wrong = rows[at];
  if (wrong) rows.splice(at + 300 + below(300), 0, { ...wrong, quantity: wrong.quantity + 1 + below(4) });
}

const header = "order_id,ordered_at,customer,city,category,product,quantity,unit_price,currency,status";
const folder = fileURLToPath(new URL("../data/sales/", import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}sales-2026-10.csv`, `${[header, ...rows.map(line)].join("\n")}\n`);

function makeOrder(index: number): Order {
  const minute = Math.floor(((index + random()) * days * 24 * 60) / orders);
  const product = pick(products);
  const lot = random();
  return {
    orderId: `SO-2026-${String(index + 1).padStart(5, "0")}`,
    orderedAt: new Date(Date.UTC(2026, 9, 1) + minute * 60_000).toISOString().slice(0, 19).replace("T", " "),
    customer: pick(customers),
    city: random() < 0.04 ? "" : pick(cities),
    product,
    quantity: 1 + Math.floor(random() ** 2 * 12),
    unitCents: random() < 0.1 ? Math.round(product[2] * 0.9) : product[2],
    status: lot < 0.05 ? "cancelled" : lot < 0.6 ? "shipped" : "paid",
  };
}

function line(order: Order): string {
  const [name, category] = order.product;
  // Some cancelled orders never had a price.
  const priceless = order.status === "cancelled" && order.unitCents % 2 === 1;
  const price = priceless ? "" : (order.unitCents / 100).toFixed(2);
  const cells = [order.orderId, order.orderedAt, order.customer, order.city, category, name];
  return [...cells, String(order.quantity), price, "EUR", order.status].map(cell).join(",");
}

function cell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function pick<T>(items: readonly T[]): T {
  const item = items[below(items.length)];
  if (item === undefined) throw new RangeError("Nothing to pick from");
  return item;
}

function below(limit: number): number {
  return Math.floor(random() * limit);
}

/** A small generator of random numbers that gives the same ones for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
