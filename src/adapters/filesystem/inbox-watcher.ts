import { relative, sep } from "node:path";
import { whyNoDrop } from "../../core/drops.ts";

export interface WatcherOptions {
  readonly folder: string;
  /** A file counts as written when nothing has happened to it for this long. */
  readonly stableMs: number;
  /** Whether the subfolder can be left out. Its name ends in `/`. */
  readonly passesOver: (subfolder: string) => boolean;
  readonly onWritten: (object: string) => void;
  readonly onGone: (object: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Tells of files that were written, or that went, from now on; those that are there already, it passes over. */
export async function watchFolder(options: WatcherOptions): Promise<{ close(): Promise<void> }> {
  const { watch } = await import("chokidar");
  const nameOf = (path: string) => relative(options.folder, path).split(sep).join("/");
  const watcher = watch(options.folder, {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path) => {
      const name = nameOf(path);
      return whyNoDrop(name) !== undefined || options.passesOver(`${name}/`);
    },
    awaitWriteFinish: {
      stabilityThreshold: options.stableMs,
      pollInterval: Math.min(100, Math.ceil(options.stableMs / 4)),
    },
  });
  watcher.on("add", (path) => options.onWritten(nameOf(path)));
  watcher.on("change", (path) => options.onWritten(nameOf(path)));
  watcher.on("unlink", (path) => options.onGone(nameOf(path)));
  watcher.on("error", options.onError);
  await new Promise<void>((resolve) => {
    watcher.once("ready", resolve);
    watcher.once("error", () => resolve());
  });
  return watcher;
}
