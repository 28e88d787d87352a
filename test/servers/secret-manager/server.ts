import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { failure, type HttpCall, type HttpReply, serveTestHttp } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";

export interface SecretManagerOptions {
  readonly faults?: FaultPlan;
  /** Counts `secret_accesses`, those that were refused too. */
  readonly meter?: Meter;
  readonly port?: number;
}

export interface SecretManagerServer {
  /** `http://127.0.0.1:port`, in the place of `https://secretmanager.googleapis.com`. */
  readonly url: string;
  readonly meter: Meter;
  /** Every call so far. */
  readonly calls: readonly HttpCall[];
  setFaults(plan: FaultPlan): void;
  /** Adds a version to a secret, `projects/p/secrets/s`; `checksum` is what is sent for its CRC32C. Gives its name. */
  add(secret: string, value: string, checksum?: string): string;
  /** A version that is disabled can't be read. */
  disable(version: string): void;
  close(): Promise<void>;
}

interface Version {
  readonly value: Buffer;
  readonly checksum: string | undefined;
  isDisabled: boolean;
}

/**
 * Secret Manager: reading versions of secrets by their number or as `latest`. It leaves out everything else, such as
 * making secrets over the wire, aliases, regions and who may read what. Checksums are sent as they were given.
 */
export async function startSecretManagerServer(
  options: SecretManagerOptions = {},
): Promise<SecretManagerServer> {
  const { faults = noFaults, meter = new Meter(), port = 0 } = options;
  const secrets = new Map<string, Version[]>();
  const calls: HttpCall[] = [];
  const find = (path: string): Version | undefined => {
    const [, secret = "", version = ""] = /^(.+)\/versions\/([^/:]+)$/.exec(path) ?? [];
    const versions = secrets.get(secret) ?? [];
    return version === "latest" ? versions.at(-1) : versions[Number(version) - 1];
  };
  const server = await serveTestHttp({
    service: "secret-manager",
    faults,
    port,
    handle: (call) => {
      calls.push(call);
      meter.add("secret_accesses");
      const [, name = ""] = /^\/v1\/(.+):access$/.exec(decodeURIComponent(call.path)) ?? [];
      return answer(call, name, find(name));
    },
  });
  return {
    url: server.url,
    meter,
    calls,
    setFaults: server.setFaults,
    add(secret, value, checksum) {
      const versions = secrets.get(secret) ?? [];
      secrets.set(secret, [...versions, { value: Buffer.from(value), checksum, isDisabled: false }]);
      return `${secret}/versions/${versions.length + 1}`;
    },
    disable(name) {
      const version = find(name);
      if (version) version.isDisabled = true;
    },
    close: () => server.close(),
  };
}

function answer({ method }: HttpCall, name: string, version: Version | undefined): HttpReply {
  if (method !== "GET" || name === "") return failure(404, "It is left out here", "notFound");
  if (!version) return failure(404, `Secret Version [${name}] not found.`, "notFound");
  if (version.isDisabled)
    return failure(400, `Secret Version [${name}] is in DISABLED state.`, "failedPrecondition");
  const { value, checksum } = version;
  const payload = { data: value.toString("base64"), ...(checksum !== undefined && { dataCrc32c: checksum }) };
  return { status: 200, body: { name, payload } };
}
