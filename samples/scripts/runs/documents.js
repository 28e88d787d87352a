import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { withSampleSite } from "../with-site.js";

export const environment = {
  BATON_INBOX: "data/documents",
  BATON_QUEUES: "documents=2,websites=1@1/s,notifications=5@30/m",
  // The website and the receiver of the notification are on this machine.
  BATON_HTTP_ALLOW_PRIVATE: "true",
};

const files = ["handbook.pdf", "tasting-notes.txt", "release-plan.md"];

export default async function documents({ data, read }) {
  const run = async (workflow, input = {}) => {
    const { tasks } = await read("baton", "run", workflow, "--input", JSON.stringify(input), "--json");
    for (const { status, reason, result } of tasks) console.log(status, reason, result);
  };
  for (const file of files) await run("process_document", { document_id: file, file });
  console.log("\nThe same document within the hour: nothing is executed.");
  await run("process_document", { document_id: files[0], file: files[0] });
  await withSampleSite(data, (site) =>
    run("scrape_website", { url: `${site}/companies/lantern-roasters.html` }),
  );
  const receiver = await notificationReceiver();
  const notification = { url: receiver.url, recipient: "ada", message: "Three documents are ready" };
  await run("send_notification", notification);
  console.log("\nThe same notification: it is not sent again.");
  await run("send_notification", notification);
  receiver.close();
  await run("cleanup_old_data", { days: 30 });
  await run("generate_analytics_report");
  console.log(`\nnotifications received: ${receiver.received}`);
}

async function notificationReceiver() {
  const server = createServer(async (request, response) => {
    receiver.received += 1;
    console.log("notification:", request.headers["idempotency-key"], await json(request));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/`;
  const receiver = { url, received: 0, close: () => server.close() };
  return receiver;
}
