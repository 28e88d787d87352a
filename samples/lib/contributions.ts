import type { TaskNotes } from "baton-dag";
import * as z from "zod";
import { dayIn } from "./day.ts";

/** A contribution as it is sent. */
const ContributionSchema = z.object({
  contribution_id: z.string().min(1),
  contributed_at: z.iso.datetime(),
  contributor: z.string().min(1),
  project: z.string().min(1),
  amount_cents: z.int().positive(),
  currency: z.literal("EUR"),
});
export type Contribution = z.infer<typeof ContributionSchema>;

export interface Rank {
  readonly rank: number;
  readonly name: string;
  readonly amount_cents: number;
  readonly contributions: number;
}

/** Reads one line. Throws an Error that says what is wrong with the line. */
function parseContribution(line: string): Contribution {
  const parsed = ContributionSchema.safeParse(JSON.parse(line));
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

/**
 * The contributions of a file of JSON lines that came before a day, each once. Lines that can't be read are noted as
 * errors; throws `ALL_ITEMS_FAILED` when none can.
 */
export async function collectContributions(
  notes: TaskNotes,
  text: string,
  before: { readonly date: string; readonly timeZone: string },
): Promise<Contribution[]> {
  const collected = new Map<string, Contribution>();
  await notes.eachItem(text.trim().split("\n"), (line) => {
    const contribution = parseContribution(line);
    const { contribution_id, contributed_at } = contribution;
    if (dayIn(before.timeZone, new Date(contributed_at)) >= before.date) notes.count("items_of_later_days");
    else if (collected.has(contribution_id)) notes.warn(`${contribution_id} came twice, and counts once`);
    else collected.set(contribution_id, contribution);
  });
  return [...collected.values()];
}

/** Who or what got most comes first; equal amounts share a rank. */
export function rankBy(field: "contributor" | "project", contributions: readonly Contribution[]): Rank[] {
  const groups = Map.groupBy(contributions, (contribution) => contribution[field]);
  const totals = [...groups].map(([name, group]) => ({
    name,
    amount_cents: group.reduce((sum, { amount_cents }) => sum + amount_cents, 0),
    contributions: group.length,
  }));
  // By name where amounts are equal, or the order would be that of the file.
  totals.sort((one, other) => other.amount_cents - one.amount_cents || (one.name < other.name ? -1 : 1));
  const firstOf = new Map<number, number>();
  for (const [index, { amount_cents }] of totals.entries())
    if (!firstOf.has(amount_cents)) firstOf.set(amount_cents, index + 1);
  return totals.map((total) => ({ rank: firstOf.get(total.amount_cents) ?? 0, ...total }));
}

/** A ranking as Markdown. */
export function rankingPage(date: string, rankings: Readonly<Record<string, readonly Rank[]>>): string {
  const sections = Object.entries(rankings).map(([title, ranks]) =>
    [`## ${title}`, "", "| | name | EUR | contributions |", "|--:|---|--:|--:|", ...ranks.map(rowOf)].join(
      "\n",
    ),
  );
  return `${[`# Contributions until ${date}`, ...sections].join("\n\n")}\n`;
}

function rowOf({ rank, name, amount_cents, contributions }: Rank): string {
  // Names come from outside: a bar or a new line would end the cell.
  const cell = name.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
  return `| ${rank} | ${cell} | ${(amount_cents / 100).toFixed(2)} | ${contributions} |`;
}
