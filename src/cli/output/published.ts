import type { Published } from "../../composition/publish.ts";
import type { PreviewedBatch } from "../../engine/preview.ts";
import { oneLine } from "./text.ts";

/** What comes of a message that was published: one sentence, after `Published` or the like. */
export function publishedText(published: Published): string {
  const { message, batchId, batches } = published;
  if (batches === null) return batchId === null ? "unchecked" : `unchecked, for batch ${batchId}`;
  switch (message.kind) {
    case "start":
      return batches.map(startText).join("; ");
    case "object":
      if (batches.length > 0) return batches.map(startText).join("; ");
      return oneLine(`no workflow takes ${message.bucket}/${message.object}: it starts nothing`);
    case "callback":
      return `it sends callback ${message.callbackId}, if that is still pending`;
    case "sweep":
      return "it looks for lost work";
    case "tick":
      return "it checks the schedules";
    default:
      return batches.map(aboutText).join("; ");
  }
}

function startText({ batchId, status }: PreviewedBatch): string {
  if (status === null) return `it starts batch ${batchId}`;
  return `batch ${batchId} was started before and is ${status}: nothing is started again`;
}

function aboutText({ batchId, status }: PreviewedBatch): string {
  if (status === "RUNNING") return `it is for batch ${batchId}`;
  return `batch ${batchId} has ended ${status}: nothing changes`;
}
