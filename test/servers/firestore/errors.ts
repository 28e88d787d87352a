import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";

export function invalid(message: string): GrpcError {
  return new GrpcError(status.INVALID_ARGUMENT, message);
}

export function unsupported(what: string): GrpcError {
  return new GrpcError(status.UNIMPLEMENTED, `${what} is left out of the local Firestore server`);
}

export function aborted(message: string): GrpcError {
  return new GrpcError(status.ABORTED, message);
}

export function failedPrecondition(message: string): GrpcError {
  return new GrpcError(status.FAILED_PRECONDITION, message);
}

export function notFound(message: string): GrpcError {
  return new GrpcError(status.NOT_FOUND, message);
}

export function denied(): GrpcError {
  return new GrpcError(status.PERMISSION_DENIED, "Missing or insufficient permissions.");
}
