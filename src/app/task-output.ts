import { currentRun, outsideRun } from "../runtime/current-run.ts";

/** What a task has printed. */
export interface TaskOutput {
  readonly batchId: string;
  readonly taskId: string;
  /** Without the line break at its end. */
  readonly text: string;
}

type Write = typeof process.stdout.write;

/**
 * From now on, what the code of tasks prints with `console.log` or to `process.stdout` and `process.stderr` is received
 * with its batch and task. Output of other code, of child processes and of native code is printed as it is. Returns a
 * function that ends it.
 */
export function receiveTaskOutput(receive: (output: TaskOutput) => void): () => void {
  const restores = [process.stdout, process.stderr].map((stream) => {
    const write: Write = stream.write.bind(stream);
    const received: Write = (chunk: string | Uint8Array, ...others: unknown[]) => {
      const { batchId, taskId } = currentRun()?.labels ?? {};
      if (typeof batchId !== "string" || typeof taskId !== "string")
        return Reflect.apply(write, stream, [chunk, ...others]);
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      printAsBaton(() => receive({ batchId, taskId, text: text.replace(/\r?\n$/, "") }));
      const done = others.find((other) => typeof other === "function");
      if (done) process.nextTick(done);
      return true;
    };
    stream.write = received;
    return () => {
      stream.write = write;
    };
  });
  return () => {
    for (const restore of restores) restore();
  };
}

/** What is printed meanwhile is no output of a task, although a task's code may have led to it. */
export function printAsBaton(print: () => void): void {
  outsideRun(print);
}
