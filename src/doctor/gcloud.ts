import { quoted } from "../composition/shell.ts";

type Flags = Readonly<Record<string, string | number | true | undefined>>;

/** A command line of gcloud that a shell takes as it is meant. */
export function gcloud(command: string, parameters: readonly string[], flags: Flags): string {
  return ["gcloud", command, ...parameters.map(quoted), ...gcloudFlags(flags)].join(" ");
}

/** Flags as a shell takes them; those that are undefined are left out. */
export function gcloudFlags(flags: Flags): readonly string[] {
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${quoted(String(value))}`));
}
