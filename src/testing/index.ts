/** What tests of workflows import. */
export { type ChaosOptions, type ChaosReport, chaos } from "./chaos/chaos.ts";
export type { ChaosFinding, FindingCode } from "./chaos/findings.ts";
export type { FakeAnswer, FakeRequest, HttpFake } from "./fakes/fake-http.ts";
export type { ServiceCall, ServiceFakes } from "./fakes/fake-services.ts";
export type { StartedRun } from "./started-run.ts";
export type { TestRun, TestTask } from "./test-run.ts";
export {
  readWorkflow,
  type TestInput,
  type TestOptions,
  testWorkflow,
  type WorkflowTest,
} from "./test-workflow.ts";
export type { SentCallback } from "./workflow-world.ts";
