import { readCsv } from "./csv-reader.ts";

export interface Sum {
  orders: number;
  units: number;
  cents: number;
}

/** The summary by another way: plain TypeScript, whole cents, the last row of each order. */
export function summarise(text: string): ReadonlyMap<string, Sum> {
  const orders = new Map(readCsv(text).map((row) => [row.order_id, row]));
  const sums = new Map<string, Sum>();
  for (const row of orders.values()) {
    if (row.status === "cancelled") continue;
    const group = `${row.ordered_at?.slice(0, 10)} ${row.category}`;
    const [whole = "", fraction = ""] = (row.unit_price ?? "").split(".");
    const quantity = Number(row.quantity);
    const sum = sums.get(group) ?? { orders: 0, units: 0, cents: 0 };
    sum.orders += 1;
    sum.units += quantity;
    sum.cents += quantity * (Number(whole) * 100 + Number(fraction.padEnd(2, "0")));
    sums.set(group, sum);
  }
  return sums;
}
