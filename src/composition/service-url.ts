import * as z from "zod";

const thisMachine: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The origin of a service. Tokens and secrets go there: by http on this machine alone. */
export const serviceUrl = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url && isSafe(url) && url.pathname === "/" && url.search === "" && url.username === "")
    return url.origin;
  context.addIssue({
    code: "custom",
    message: "Write an https:// address without a path; http:// is for this machine only",
  });
  return z.NEVER;
});

function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && thisMachine.has(hostname));
}
