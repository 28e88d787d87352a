import { schedule, workflow } from "../../src/index.ts";

export const everyMinute = workflow("every-minute", {
  on: [schedule("* * * * *", { missed: "catch_up" })],
}).task("a", () => 1);
