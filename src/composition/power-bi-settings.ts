import * as z from "zod";
import type { PowerBiOptions } from "../adapters/power-bi/power-bi.ts";
import { type RawEnvironment, serviceUrl, type VariableProblem } from "./variable-problems.ts";

const text = z.string().trim().min(1);

/** The variables of Power BI, for the schema of the environment. */
export const powerBiVariables = {
  BATON_POWERBI_TENANT_ID: text.optional(),
  BATON_POWERBI_CLIENT_ID: text.optional(),
  BATON_POWERBI_CLIENT_SECRET: text.optional(),
  BATON_POWERBI_ENDPOINT: serviceUrl.optional(),
  BATON_POWERBI_AUTHORITY: serviceUrl.optional(),
};

const Variables = z.object(powerBiVariables);

/** What Power BI can't do without. */
export const neededForPowerBi = [
  "BATON_POWERBI_TENANT_ID",
  "BATON_POWERBI_CLIENT_ID",
  "BATON_POWERBI_CLIENT_SECRET",
] as const;

/** What is missing when only a part of it is set. */
export function powerBiProblems(environment: RawEnvironment): VariableProblem[] {
  const missing = neededForPowerBi.filter((variable) => !environment[variable]);
  if (missing.length === neededForPowerBi.length) return [];
  return missing.map((variable) => ({ variable, message: "Missing: Power BI needs all of its variables" }));
}

/** Undefined when not all of Power BI is set. */
export function powerBiSettings(values: z.infer<typeof Variables>): PowerBiOptions | undefined {
  const { BATON_POWERBI_TENANT_ID: tenantId, BATON_POWERBI_CLIENT_ID: clientId } = values;
  const { BATON_POWERBI_CLIENT_SECRET: clientSecret } = values;
  if (tenantId === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return {
    tenantId,
    clientId,
    clientSecret,
    apiEndpoint: values.BATON_POWERBI_ENDPOINT,
    authority: values.BATON_POWERBI_AUTHORITY,
  };
}
