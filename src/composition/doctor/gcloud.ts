type Flags = Readonly<Record<string, string | number | true | undefined>>;

/** A command line of gcloud that a shell takes as it is meant. */
export function gcloud(command: string, parameters: readonly string[], flags: Flags): string {
  const given = Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${quoted(String(value))}`));
  return ["gcloud", command, ...parameters.map(quoted), ...given].join(" ");
}

function quoted(text: string): string {
  return /^[\w./:=@,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
