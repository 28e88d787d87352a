const days = 5;
const perDay = 24;
const projects = ["library-roof", "river-clean-up", "school-kitchen"];
const people = ["ada", "björn", "chiara", "dmitri", "esra", "fatou", "guðrún", "hiroshi", "inês", "jonas"];

/**
 * Contributions of five days in October 2026, one JSON object a line. Six lines are as the world sends them: broken
 * JSON, no amount, an amount below zero, no such day, no person, and one that came twice.
 */
export function contributionLines(): readonly string[] {
  const lines = Array.from({ length: days * perDay }, (_, index) => JSON.stringify(contribution(index)));
  const before: readonly (readonly [number, string])[] = [
    [110, lines[103] ?? ""],
    [91, JSON.stringify({ ...contribution(901), contributor: undefined })],
    [67, JSON.stringify({ ...contribution(902), contributed_at: "2026-10-35T10:00:00Z" })],
    [48, JSON.stringify({ ...contribution(903), amount_cents: -500 })],
    [30, JSON.stringify({ ...contribution(904), amount_cents: "plenty" })],
    [11, '{"contribution_id":"C-0906","contributed_at":'],
  ];
  // From the end, so that the places before keep their numbers.
  for (const [place, line] of before) lines.splice(place, 0, line);
  return lines;
}

function contribution(index: number) {
  const day = 5 + Math.floor((index % (days * perDay)) / perDay);
  const minute = (index * 377) % (24 * 60);
  return {
    contribution_id: `C-${String(index + 1).padStart(4, "0")}`,
    contributed_at: new Date(Date.UTC(2026, 9, day, 0, minute)).toISOString().replace(".000Z", "Z"),
    contributor: people[(index * 7) % people.length],
    project: projects[(index * 5 + Math.floor(index / 4)) % projects.length],
    amount_cents: 500 + ((index * 1_237) % 190) * 50,
    currency: "EUR",
  };
}
