const unfinished = [".tmp", ".part", ".partial", ".crdownload"];

/** Whether a file or folder of that name is hidden, a backup, or still being sent. */
export function isPassedOverName(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    name.startsWith(".") ||
    name.startsWith("~") ||
    name.endsWith("~") ||
    unfinished.some((ending) => lower.endsWith(ending))
  );
}

/**
 * Why an object that was written is not a file that was dropped, the same on both engines; undefined when it is one.
 * Consoles and connectors of Cloud Storage make "folders" as empty objects named `sales/` or `sales_$folder$`.
 */
export function whyNoDrop(object: string): "folder" | "unfinished" | undefined {
  if (object.endsWith("/") || object.endsWith("_$folder$")) return "folder";
  return object.split("/").some(isPassedOverName) ? "unfinished" : undefined;
}
