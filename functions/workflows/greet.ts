import { TaskError, workflow } from "baton-dag";
import * as z from "zod";

/** The smallest workflow with a dependency. */
export default workflow("greet", { input: z.object({ name: z.string() }) })
  .task("compose", ({ input }) => {
    if (input.name === "") throw new TaskError("the name is empty", { retryable: false });
    return { text: `Hello, ${input.name}` };
  })
  .task(
    "shout",
    async (task) => {
      const { text } = await task.parent("compose");
      return text.toUpperCase();
    },
    { after: ["compose"], timeout: "30s", retry: { maxAttempts: 3, initial: "10s" } },
  );
