// What the bare functions framework serves when its cold start is measured.
import { http } from "@google-cloud/functions-framework";

http("answer", (_, response) => {
  response.json({ status: "ok" });
});
