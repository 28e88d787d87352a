import * as z from "zod";
import type { DataformOptions } from "../adapters/dataform/rest.ts";
import { serviceUrl } from "./service-url.ts";

/** The variables of Dataform, for the schema of the environment. */
export const dataformVariables = {
  BATON_DATAFORM_ENDPOINT: serviceUrl.optional(),
};

const Variables = z.object(dataformVariables);

/** Without an endpoint of its own: Google's, with the credentials of the environment. */
export function dataformSettings(values: z.infer<typeof Variables>): DataformOptions {
  return { apiEndpoint: values.BATON_DATAFORM_ENDPOINT };
}
