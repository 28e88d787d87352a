import { DataformService } from "../adapters/dataform/dataform.ts";
import type { DataformOptions } from "../adapters/dataform/rest.ts";
import { type PowerBiOptions, PowerBiService } from "../adapters/power-bi/power-bi.ts";
import { BatonError } from "../core/errors.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { PowerBi } from "../ports/power-bi.ts";
import type { Services } from "../runtime/task-type.ts";
import type { Configuration } from "./configuration.ts";
import { lazy, once } from "./lazy-services.ts";
import { neededForPowerBi } from "./power-bi-settings.ts";

/** What is configured of the services that tasks have their work done by. */
export interface RemoteSettings {
  readonly dataform?: DataformOptions;
  readonly powerBi?: PowerBiOptions | undefined;
}

/** Loaded at the first request: most processes make none. */
export function httpClient({ allowPrivateAddresses }: Configuration): HttpClient {
  const open = once(async () => {
    const { GuardedHttpClient } = await import("../adapters/http/http-client.ts");
    return new GuardedHttpClient({ allowPrivate: allowPrivateAddresses });
  });
  return lazy<HttpClient>({ request: true }, open);
}

/** Services whose clients are loaded at the first call. What is not configured throws `SERVICE_NOT_CONFIGURED`. */
export function remoteServices({
  dataform,
  powerBi,
}: Pick<Configuration, "data"> & RemoteSettings): Pick<Services, "dataform" | "powerBi"> {
  return {
    dataform: new DataformService(dataform),
    powerBi: powerBi ? new PowerBiService(powerBi) : unconfiguredPowerBi,
  };
}

const refuse = async (): Promise<never> => {
  throw new BatonError(
    "SERVICE_NOT_CONFIGURED",
    `Power BI is not configured: set ${neededForPowerBi.join(", ")}`,
  );
};

const unconfiguredPowerBi: PowerBi = { refreshes: refuse, start: refuse, cancel: refuse };
