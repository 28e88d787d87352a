import type { Precondition } from "@google-cloud/firestore";
import type { Version } from "../../ports/store.ts";

/** The document was last written at that time. A version that Firestore never made is one that no document has. */
export async function conditionOn(version: Version): Promise<Precondition> {
  const { Timestamp } = await import("@google-cloud/firestore");
  const [seconds = "0", nanoseconds = "0"] = version.split(".");
  return { lastUpdateTime: new Timestamp(Number(seconds), Number(nanoseconds)) };
}
