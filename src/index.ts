/** What workflow files, and programs that start workflows, import. */
export {
  type BatchHandle,
  type BatchResults,
  type Client,
  type ClientOptions,
  type ClientStartOptions,
  createClient,
} from "./client/client.ts";
export { joinCallbackPages } from "./core/callback-pages.ts";
export type { ErrorCode } from "./core/errors/error-catalog.ts";
export { BatonError, Skip, TaskError, type TaskErrorOptions } from "./core/errors/errors.ts";
export { FileDropped } from "./core/messages.ts";
export { Scheduled } from "./core/schedule/schedule.ts";
export type { Duration } from "./core/values/duration.ts";
export type { JsonObject, JsonValue } from "./core/values/json.ts";
export type { BatchSummary, BatchView, TaskView } from "./core/views/views.ts";
export type { ChildRule } from "./core/workflow/definition.ts";
export { fileDrop, type ScheduleOptions, schedule, type Trigger } from "./core/workflow/trigger.ts";
export type { HttpClient } from "./ports/http.ts";
export type { ObjectStore } from "./ports/objects.ts";
export type { Logger } from "./ports/telemetry.ts";
export type { Warehouse } from "./ports/warehouse.ts";
export type { PollOptions, Steps, WaitOptions } from "./runtime/step-api.ts";
export type {
  CancelContext,
  ConditionContext,
  ConditionFunction,
  KeyFunction,
  ParentStatus,
  Services,
  TaskCallback,
  TaskContext,
  TaskFunction,
  TaskNotes,
  TaskSpec,
  WaitForCompletion,
} from "./runtime/task-type.ts";
export { defineTaskType, type TaskTypeOptions, type UserTaskType } from "./runtime/user-task-type.ts";
export { archiveFile } from "./tasks/archive-file.ts";
export { dataform } from "./tasks/dataform.ts";
export { http } from "./tasks/http.ts";
export { loadFile } from "./tasks/load-file.ts";
export { powerBiRefresh } from "./tasks/power-bi-refresh.ts";
export { renderReport } from "./tasks/render-report.ts";
export { runQuery } from "./tasks/run-query.ts";
export { type Workflow, type WorkflowOptions, workflow } from "./workflow/builder.ts";
export type {
  CallbackOptions,
  IdempotencyOptions,
  RetryOptions,
  TaskPolicies,
} from "./workflow/task-policies.ts";
