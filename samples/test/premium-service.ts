import { createServer } from "node:http";
import { onTestFinished } from "vitest";

export interface PremiumService {
  readonly url: string;
  /** The documents it was asked for, in order. */
  readonly asked: readonly string[];
}

/** A real HTTP server that knows which documents are premium. Closed with the test. */
export async function premiumService(
  answer: (documentId: string, asked: number) => { readonly status?: number; readonly body: string },
): Promise<PremiumService> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://premium");
    const documentId = searchParams.get("document_id") ?? "";
    asked.push(documentId);
    const { status = 200, body } = answer(documentId, asked.length);
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return { url: `http://127.0.0.1:${address.port}/premium`, asked };
}
