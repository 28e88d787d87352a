import type { BatonError } from "../../src/core/errors/errors.ts";
import type { DeliveryReport, Intake } from "../../src/entry/http-handler.ts";
import type { EntryRequest } from "../../src/entry/parse-message.ts";
import type { Delivery } from "../../src/ports/broker.ts";
import type { LogFields, Logger } from "../../src/ports/telemetry.ts";

/** Remembers what it was given; what it answers can be set. */
export class RecordingIntake implements Intake {
  readonly deliveries: Delivery[] = [];
  readonly refused: { readonly body: Uint8Array; readonly error: BatonError }[] = [];
  onDeliver: () => Promise<DeliveryReport> = async () => ({ outcome: "done" });
  onRefuse: () => Promise<string> = async () => "d1";

  async deliver(delivery: Delivery): Promise<DeliveryReport> {
    this.deliveries.push(delivery);
    return this.onDeliver();
  }

  async reject({ body }: EntryRequest, error: BatonError): Promise<string> {
    this.refused.push({ body, error });
    return this.onRefuse();
  }
}

export class RecordingLogger implements Logger {
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = [];
  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields });
  }
  info = this.debug;
  warn = this.debug;
  error = this.debug;
}
