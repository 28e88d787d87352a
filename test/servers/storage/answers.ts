import { failure, type HttpReply } from "../kit/http-server.ts";

/** A request that Cloud Storage refuses, in its words. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }

  /** Downloads are refused in plain text. */
  reply(isDownload: boolean): HttpReply {
    if (isDownload)
      return {
        status: this.status,
        headers: { "content-type": "text/html; charset=UTF-8" },
        body: Buffer.from(this.message),
      };
    return failure(this.status, this.message, this.reason);
  }
}

export const noSuchBucket = () => new Refusal(404, "notFound", "The specified bucket does not exist.");

export const noSuchObject = (bucket: string, object: string) =>
  new Refusal(404, "notFound", `No such object: ${bucket}/${object}`);

export const conditionNotMet = () =>
  new Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");

export const invalid = (message: string) => new Refusal(400, "invalid", message);
