import type { App } from "../../composition/app.ts";

/** Who takes up what is left to somebody else, to begin a sentence with. */
export function whoWorks({ configuration }: Pick<App, "configuration">): string {
  return configuration.engine === "gcp"
    ? "The deployed function"
    : "A running server or the next `baton start`";
}
