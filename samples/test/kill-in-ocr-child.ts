// Loaded into a process before its own code: kills it as soon as the OCR starts to read a picture.
import type { Worker } from "node:worker_threads";

process.on("worker", (thread: Worker) => {
  thread.on("message", ({ action, status }) => {
    if (action === "recognize" && status === "progress") process.kill(process.pid, "SIGKILL");
  });
});
