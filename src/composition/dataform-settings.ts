import * as z from "zod";
import type { DataformOptions } from "../adapters/dataform/rest.ts";
import { list, serviceUrl } from "./variable-problems.ts";

/** The variables of Dataform, for the schema of the environment. */
export const dataformVariables = {
  BATON_DATAFORM_ENDPOINT: serviceUrl.optional(),
  /** Accounts of repositories and workflow configurations, which Baton has to be allowed to act as. */
  BATON_DATAFORM_ACCOUNTS: list.pipe(z.array(z.email())).prefault(""),
};

const Variables = z.object(dataformVariables);

export interface DataformSettings extends DataformOptions {
  /** Whom Dataform's actions run as, beside those that tasks name. */
  readonly accounts: readonly string[];
}

/** Without an endpoint of its own: Google's, with the credentials of the environment. */
export function dataformSettings(values: z.infer<typeof Variables>): DataformSettings {
  return { apiEndpoint: values.BATON_DATAFORM_ENDPOINT, accounts: values.BATON_DATAFORM_ACCOUNTS };
}
