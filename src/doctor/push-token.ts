import type { SubscriptionSettings } from "../ports/checks.ts";
import { type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";

/** Flags of gcloud for the token that the function wants. */
export function tokenFlags({ google }: CloudContext) {
  return {
    "push-auth-service-account": google.callers?.callers[0] ?? "<account that may call the function>",
    "push-auth-token-audience": google.callers?.audience,
  };
}

/** The function refuses every other token. Without BATON_AUDIENCE, whatever is before it looks at them. */
export function judgeToken(context: CloudContext, subject: string, found: SubscriptionSettings): CheckResult {
  const { token } = found;
  const { callers, projectId } = context.google;
  const isRight =
    !callers ||
    (token !== undefined &&
      token.audience === callers.audience &&
      // That nobody is named is told of the variable.
      (callers.callers.length === 0 || callers.callers.includes(token.serviceAccount)));
  return judge("pubsub.token", {
    subject,
    holds: token !== undefined && isRight,
    found: token ? `of ${token.serviceAccount} for ${token.audience}` : "pushes bear no token",
    expected: callers
      ? `of ${callers.callers.join(" or ") || "an account"} (BATON_CALLERS) for ${callers.audience} (BATON_AUDIENCE)`
      : "a token of an account that may call the function",
    otherwise: callers ? "failed" : "warning",
    remedy: "Set the token of the subscription, or correct BATON_CALLERS and BATON_AUDIENCE.",
    commands: [
      gcloud("pubsub subscriptions modify-push-config", [subject], {
        "push-endpoint": found.pushEndpoint ?? "<URL of the function>",
        ...tokenFlags(context),
        project: projectId,
      }),
    ],
  });
}
