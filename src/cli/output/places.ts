/** Where the parts of a running server are, for people. */
export function placesText(places: Readonly<Record<string, string>>, workflowIds: readonly string[]): string {
  const lines = Object.entries(places).map(([name, place]) => `  ${name.padEnd(10)}  ${place}`);
  const loaded = workflowIds.length > 0 ? workflowIds.join(", ") : "none";
  return ["Baton runs; Ctrl-C stops it.", ...lines, `  ${"".padEnd(10)}  ${loaded}`].join("\n");
}
