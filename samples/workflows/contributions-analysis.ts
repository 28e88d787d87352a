import { type IdempotencyOptions, schedule, workflow } from "baton-dag";
import * as z from "zod";
import { collectContributions, rankBy, rankingPage } from "../lib/contributions.ts";
import { dayIn } from "../lib/day.ts";

const timeZone = "Europe/Paris";
const source = { bucket: "inbox", object: "contributions/contributions.ndjson" };

/** The day of the schedule's slot; today when it is started by hand. It is fixed when the batch starts. */
const Input = z.preprocess(
  (input) => input ?? {},
  z.object({ date: z.iso.date().default(() => dayIn(timeZone, new Date())) }),
);

/** Once a day for all callers: later calls get the result of the first. */
const onceADay = { key: { date: timeZone }, ttl: "24h", lock: "300s" } satisfies IdempotencyOptions;

/** Ranks people and projects by what was contributed before the day. A task runs when the one before it succeeded. */
export default workflow("contributions-analysis", {
  input: Input,
  on: [schedule("0 6 * * *", { timeZone })],
})
  .task(
    "collect",
    async (context) => {
      const { date } = context.input;
      const text = new TextDecoder().decode(await context.services.objects.read(source));
      return { date, contributions: await collectContributions(context, text, { date, timeZone }) };
    },
    // The file may just be replaced: retry soon, but not for long.
    { idempotency: onceADay, retry: { maxAttempts: 3, initial: "1s" } },
  )
  .task(
    "analyse",
    async ({ parent, count }) => {
      const { date, contributions } = await parent("collect");
      const rankings = {
        People: rankBy("contributor", contributions),
        Projects: rankBy("project", contributions),
      };
      count("items_processed", contributions.length);
      return { date, rankings };
    },
    { after: ["collect"], idempotency: onceADay },
  )
  .task(
    "publish-ranking",
    async ({ parent, services }) => {
      const { date, rankings } = await parent("analyse");
      const page = Buffer.from(rankingPage(date, rankings));
      const name = { bucket: "reports", object: `contributions/${date}.md` };
      const { uri } = await services.objects.write(name, page, "text/markdown; charset=utf-8");
      return { report: uri, first: rankings.People[0] ?? null };
    },
    { after: ["analyse"], idempotency: onceADay },
  );

/** The same ranking on demand: it runs each time, but never twice at once. */
export const contributionsRefresh = workflow("contributions-refresh", { input: Input }).task(
  "refresh",
  async (context) => {
    const { input, services } = context;
    const { date } = input;
    const text = new TextDecoder().decode(await services.objects.read(source));
    const contributions = await collectContributions(context, text, { date, timeZone });
    const page = Buffer.from(rankingPage(date, { Projects: rankBy("project", contributions) }));
    const name = { bucket: "reports", object: "contributions/latest.md" };
    const { uri } = await services.objects.write(name, page, "text/markdown; charset=utf-8");
    return { report: uri, contributions: contributions.length };
  },
  { idempotency: { key: () => "latest", lock: "300s", onLocked: "skip", recurring: true } },
);
