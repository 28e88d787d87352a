import { refusal } from "./errors.ts";

export function nameOfFile(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}

export function emptyFile(uri: string): Error {
  return refusal("FILE_EMPTY", `${nameOfFile(uri)} holds no rows`);
}
