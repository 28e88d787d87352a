import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Job, Report } from "./job-list.ts";
import type { BrokenSource } from "./mutation-marks.ts";

const threadFile = new URL("./thread.ts", import.meta.url);

/** Has jobs done on all cores; `onReport` says whether to continue. */
export async function runJobs(
  jobs: Iterator<Job>,
  onReport: (report: Report, job: Job) => boolean,
  {
    threads = availableParallelism(),
    broken,
  }: { readonly threads?: number; readonly broken?: BrokenSource } = {},
): Promise<void> {
  let isStopped = false;
  const next = () => {
    const { done, value } = isStopped ? { done: true, value: undefined } : jobs.next();
    return done ? undefined : value;
  };
  const onThread = async () => {
    let job = next();
    if (!job) return;
    const worker = new Worker(threadFile, { workerData: { broken } });
    try {
      for (; job; job = next()) if (!onReport(await ask(worker, job), job)) isStopped = true;
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, onThread));
}

/** A job that takes longer goes round in circles without waiting for anything. */
const mostSeconds = 900;

function ask(worker: Worker, job: Job): Promise<Report> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => answer(endless(job)), mostSeconds * 1_000);
    const answer = (report: Report) => {
      clearTimeout(timer);
      worker.off("error", reject);
      worker.off("message", answer);
      resolve(report);
    };
    worker.once("message", answer);
    worker.once("error", reject);
    worker.postMessage(job);
  });
}

function endless(job: Job): Report {
  const replay =
    job.kind === "seeds" ? `--from ${job.from} --schedules ${job.count}` : "--systematic --stride 0";
  const failure = { rule: "runs-end", what: `a job took more than ${mostSeconds} s`, replay };
  return { schedules: 0, events: 0, failures: [failure] };
}
