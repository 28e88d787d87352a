import { expect, test } from "vitest";
import { parseRequest } from "../../src/entry/parse-request.ts";

const message = {
  data: Buffer.from('{"kind":"redrive","batchId":"b"}').toString("base64"),
  attributes: {},
};

function attemptOf(retries: string | undefined, push: object = { message }): number | undefined {
  const headers = { "content-type": "application/json", "x-cloudtasks-taskretrycount": retries };
  const parsed = parseRequest({ headers, body: Buffer.from(JSON.stringify(push)) });
  return "deliveryAttempt" in parsed ? parsed.deliveryAttempt : undefined;
}

test.each([
  ["0", 1],
  ["1", 2],
  ["41", 42],
  [undefined, 1],
  ["", 1],
  ["-1", 1],
  ["1.5", 1],
  ["often", 1],
  ["99999999999999999999", 1],
])("after %s retries of Cloud Tasks it is delivery %i", (retries, attempt) => {
  expect(attemptOf(retries)).toBe(attempt);
});

test("the delivery attempt of Pub/Sub has precedence", () => {
  expect(attemptOf("7", { message, deliveryAttempt: 3 })).toBe(3);
});
