import * as z from "zod";
import { limits } from "./limits.ts";

/** Ids of workflows, tasks and queues: they end up in document ids, message attributes and file names. */
export const NameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9_-]{0,${limits.nameCharacters - 1}}$`),
    "a name is 1–64 letters, digits, `-` or `_`, and begins with a letter or digit",
  );

/** The virtual task that stands for the end of a TaskBatch. `$` keeps it apart from every real name. */
export const END_TASK_ID = "$end";
