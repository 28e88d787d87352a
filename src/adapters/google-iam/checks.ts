import * as z from "zod";
import type { AccountChecks } from "../../ports/checks.ts";
import { GoogleRefusal, type GoogleRest } from "../../ports/google-rest.ts";
import { mayBeEmpty } from "../remote/service-answer.ts";

const AnswerSchema = mayBeEmpty({ permissions: z.array(z.string()).default([]) });

/** Asks what the caller may do with the project, and with service accounts. */
export class IamChecks implements AccountChecks {
  readonly #resourceManager: GoogleRest;
  readonly #iam: GoogleRest;
  readonly #projectId: string;

  constructor(
    projectId: string,
    services: { readonly resourceManager: GoogleRest; readonly iam: GoogleRest },
  ) {
    this.#projectId = projectId;
    this.#resourceManager = services.resourceManager;
    this.#iam = services.iam;
  }

  async onProject(asked: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const path = `/v1/projects/${this.#projectId}:testIamPermissions`;
    const body = { permissions: asked };
    const call = { method: "POST", path, body, answer: AnswerSchema, signal } as const;
    return (await this.#resourceManager.call(call)).permissions;
  }

  async onServiceAccount(
    account: string,
    asked: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:testIamPermissions`;
    try {
      const body = { permissions: asked };
      const answer = await this.#iam.call({ method: "POST", path, body, answer: AnswerSchema, signal });
      return answer.permissions;
    } catch (error) {
      if (error instanceof GoogleRefusal && error.code === 404) return undefined;
      throw error;
    }
  }
}
