import { expect, test } from "vitest";
import { secretsInBody, secretsInHeaders, secretsInUrl } from "../../src/core/template/secret-references.ts";
import type { JsonValue } from "../../src/core/values/json.ts";

test.each([
  ["authorization", "Bearer sk-live-4f9a1c77e2"],
  ["Authorization", "Token undefined"],
  ["Proxy-Authorization", "Basic dXNlcjpwYXNz"],
  ["cookie", "session=abc"],
  ["x-api-key", "key-77aa-0042"],
  ["apikey", "k"],
  ["X-Goog-Api-Key", "AIza"],
  ["private-token", "glpat-1"],
  ["x-auth-token", "t"],
  ["X-Functions-Key", "k"],
  ["ocp-apim-subscription-key", "k"],
  ["x-shopify-access-token", "t"],
  ["x-webhook-secret", "s {{ batchId }}"],
])("the header %s: %s is a secret that is written out", (name, value) => {
  expect(secretsInHeaders({ [name]: value })).toMatchObject([{ path: [name] }]);
});

test.each([
  ["authorization", "Bearer {{ secrets.API_TOKEN }}"],
  ["authorization", "{{ input.token }}"],
  ["x-api-key", "{{ parents.login.body.key }}"],
  ["x-api-key", "{{ 'DEMO_KEY' }}"],
  ["authorization", "Bearer {{ 'public' }}"],
  ["authorization", ""],
  ["idempotency-key", "order-1"],
  ["accept", "application/json"],
  ["x-request-id", "abc"],
  ["if-none-match", "abc"],
])("the header %s: %s is none", (name, value) => {
  expect(secretsInHeaders({ [name]: value })).toEqual([]);
});

test.each<[string, boolean]>([
  ["https://user:pass@a.example/", true],
  ["https://user@a.example/", false],
  ["https://a.example/?api_key=sk1", true],
  ["https://a.example/?x=1&access_token=abc#top", true],
  ["https://a.example/?key=AIzaSyA1234567890abcdef", true],
  ["https://a.example/?key=name&code=de", false],
  ["https://a.example/?api_key={{ secrets.A }}", false],
  ["https://a.example/?api_key={{ input.key }}", false],
  ["https://a.example/?token={{ 'abcdefgh12345678' }}", false],
  ["{{ input.url }}", false],
])("the address %s holds a secret: %s", (url, isSecret) => {
  expect(secretsInUrl(url).length > 0).toBe(isSecret);
});

test.each<[JsonValue, string[][]]>([
  [{ password: "x" }, [["password"]]],
  [{ auth: [{ clientSecret: "x" }] }, [["auth", "0", "clientSecret"]]],
  [{ access_token: "x", "api-key": "y" }, [["access_token"], ["api-key"]]],
  [{ token: "xoxb-1234567890-abcdef" }, [["token"]]],
  [{ token: "next", nextPageToken: "abcdef1234567890abc", key: "name", max_tokens: 3 }, []],
  [{ password: "{{ secrets.A }}", client_secret: "{{ input.s }}" }, []],
  ["password", []],
])("the body %j", (body, paths) => {
  expect(secretsInBody(body).map(({ path }) => path)).toEqual(paths);
});

test("no message contains the secret", () => {
  const found = [
    ...secretsInHeaders({ authorization: "Bearer hush" }),
    ...secretsInUrl("https://u:hush@a.example/?api_key=hush"),
    ...secretsInBody({ password: "hush" }),
  ];
  expect(found).toHaveLength(4);
  expect(JSON.stringify(found)).not.toContain("hush");
});
