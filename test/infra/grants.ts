import { Evaluation } from "./evaluate.ts";
import { expression, readTerraform } from "./terraform-files.ts";

/** The infrastructure as it is written. */
export const files = await readTerraform();
export const evaluation = new Evaluation(files, {
  project: "some-project",
  region: "europe-west1",
  tracing: true,
});

interface Grant {
  readonly address: string;
  readonly type: string;
  readonly role: string;
  readonly member: string;
}

/** Every role that it grants. */
export const grants = files.resources
  .filter(({ type }) => /_iam_/.test(type))
  .flatMap(({ type, name, block }) => {
    const roles = block.role === expression("each.key") ? evaluation.value(block.for_each) : [block.role];
    if (!Array.isArray(roles)) throw new Error(`The roles of ${name} are no list`);
    return roles.map(
      (role): Grant => ({
        address: `${type}.${name}`,
        type,
        role: String(role),
        member: String(block.member),
      }),
    );
  });

/** The console's account is there only if there is a console. */
export function memberOf(account: string) {
  return expression(`google_service_account.${account === "console" ? "console[0]" : account}.member`);
}

export function rolesOf(account: string): readonly string[] {
  const member = memberOf(account);
  return grants.filter((grant) => grant.member === member).map(({ role }) => role);
}
