/**
 * Types that make mistakes in a workflow errors of the compiler. A mistake has a text as its type, because the compiler
 * prints that text: "Type '() => Date' is not assignable to type '"the result is a Date: …"'".
 */
import type { FileDropped } from "../core/messages.ts";
import type { Scheduled } from "../core/schedule/schedule.ts";
import type { JsonValue } from "../core/values/json.ts";
import type { FileDropTrigger, Trigger } from "../core/workflow/trigger.ts";
import type { WaitForCompletion } from "../runtime/task-type.ts";

/** An unused id. Ids that are known only at run time are checked then. */
export type NewId<Id extends string, Tasks> = string extends Id | keyof Tasks
  ? Id
  : Id extends keyof Tasks
    ? `a task "${Id}" is declared above: give this one another id`
    : Id;

/** The ids that `after` may name. */
export type ParentOf<Tasks> = [keyof Tasks] extends [never]
  ? "no task is declared above this one"
  : keyof Tasks & string;

type Primitive = string | number | boolean | null;
/** Deeper values are checked when the task has run. */
type DeepEnough = 5;

/** What in a result is no JSON, as a text. `never` if nothing is. */
type NonJson<Value, Path extends string, Depth extends readonly unknown[] = []> = unknown extends Value
  ? never
  : Value extends void
    ? never
    : Value extends Primitive | WaitForCompletion
      ? never
      : Value extends bigint | symbol
        ? `${Path} is a ${Value extends bigint ? "bigint" : "symbol"}, which is not JSON`
        : Value extends Date
          ? `${Path} is a Date, which is not JSON: return a text, such as toISOString()`
          : Value extends PromiseLike<unknown>
            ? `${Path} is a promise: await it`
            : Value extends (...given: never) => unknown
              ? `${Path} is a function, which is not JSON`
              : Value extends ReadonlyMap<unknown, unknown> | WeakMap<never, unknown>
                ? `${Path} is a Map, which is not JSON: return an object, such as Object.fromEntries(map)`
                : Value extends ReadonlySet<unknown> | WeakSet<never>
                  ? `${Path} is a Set, which is not JSON: return a list, such as [...set]`
                  : Value extends Uint8Array | ArrayBuffer | RegExp | URL | Error
                    ? `${Path} is an object of a class, which is not JSON: return its text or its fields`
                    : Depth["length"] extends DeepEnough
                      ? never
                      : Value extends readonly (infer Item)[]
                        ? NonJson<Item, `${Path}[]`, [...Depth, 0]>
                        : {
                            [Key in keyof Value & string]-?: NonJson<
                              Value[Key],
                              `${Path}.${Key}`,
                              [...Depth, 0]
                            >;
                          }[keyof Value & string];

/** Unknown, or the text of the mistake if a task's result is no JSON. */
export type JsonResult<Result> = [Result] extends [JsonValue | undefined]
  ? unknown
  : [NonJson<Result, "result">] extends [never]
    ? unknown
    : NonJson<Result, "result">;

/**
 * The value that a task's children get: the summary, if the task returns `{ result, summary }`. Nothing becomes null.
 * The result of a task that waits for its completion comes from another system.
 */
export type ResultOf<Result> = WaitForCompletion extends Result
  ? JsonValue
  : Result extends { readonly result: unknown; readonly summary: infer Summary }
    ? Exclude<keyof Result, "result" | "summary"> extends never
      ? NullFor<Summary>
      : Result
    : NullFor<Result>;

type NullFor<Result> = unknown extends Result ? Result : Result extends void ? null : Result;

/** Unknown, or the text of the mistake if the workflow's input does not have what the task needs. */
export type InputFor<Input, Needed> = JsonValue extends Input
  ? unknown
  : Input extends Needed
    ? unknown
    : "it reads the file that was dropped: give the workflow `input: FileDropped`, or name a `file`";

type RequiredKeys<Value> = {
  [Key in keyof Value & string]: undefined extends Value[Key] ? never : Key;
}[keyof Value & string];

type MissingKeys<Given, Value> = Exclude<RequiredKeys<Given>, keyof Value>;

/** The trigger itself, or with the text of the mistake if the schema does not take what it starts a batch with. */
export type TriggerFor<Given, On extends Trigger> = On extends FileDropTrigger
  ? On & StartsWith<Given, FileDropped, "a dropped file">
  : On & StartsWith<Given, Scheduled, "a schedule">;

type StartsWith<Given, Value, Name extends string> = [MissingKeys<Given, Value>] extends [never]
  ? unknown
  : `the input needs "${MissingKeys<Given, Value>}", which ${Name} does not give`;

/** The arguments of a task, from which its idempotency key is made. */
export type ArgumentsOf<Arguments> = unknown extends Arguments ? JsonValue : Arguments;

/** The fields of the arguments that a key may name. One whose name ends in `?` may be absent. */
type KeyField<Arguments> = JsonValue extends Arguments
  ? string
  : Arguments extends object
    ? string extends keyof Arguments
      ? string
      : (keyof Arguments & string) | `${keyof Arguments & string}?`
    : string;

/**
 * A list of key fields. A name that is known only at run time is not checked, and neither are those of a `string[]`.
 * The literals beside it are.
 */
export type KeyFieldsIn<Fields extends readonly string[], Arguments> =
  | readonly KeyField<Arguments>[]
  | { readonly [Index in keyof Fields]: string extends Fields[Index] ? string : KeyField<Arguments> };
