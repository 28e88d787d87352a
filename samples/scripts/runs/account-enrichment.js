import { withSampleSite } from "../with-site.js";

/** The website is on this machine. */
export const environment = { BATON_HTTP_ALLOW_PRIVATE: "true" };

export default async function accountEnrichment({ data, read }) {
  await withSampleSite(data, async (site) => {
    const input = JSON.stringify({
      job_id: "job-1",
      account_id: "lantern",
      website: `${site}/companies/lantern-roasters.html`,
      callback_url: `${site}/callbacks`,
    });
    const enrich = async () => {
      const { tasks } = await read("baton", "run", "account-enrichment", "--input", input, "--json");
      for (const { status, reason, key, result } of tasks) console.log(status, reason, key, result);
    };
    await enrich();
    console.log("\nAgain: nothing is fetched, and the same callback is sent again.");
    await enrich();
    const received = await (await fetch(`${site}/callbacks`)).json();
    const completed = received.filter(({ body }) => body.type === "task.completed");
    console.log(`\n${JSON.stringify(completed[0]?.body.data, null, 1)}`);
    const ids = new Set(completed.map(({ webhookId }) => webhookId));
    const bodies = new Set(completed.map(({ body }) => JSON.stringify(body)));
    console.log(`\n${received.length} callbacks were received, all of them signed.`);
    console.log(`task.completed was received ${completed.length} times: ${ids.size} id, ${bodies.size} body`);
  });
}
