/** Runs `make` at the first call; every call gets its result. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The names of a port's methods, none forgotten. */
export type Methods<Port> = { readonly [Name in keyof Port]: true };

type AsyncMethods = Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>>;

/**
 * A port whose adapter is loaded at the first call of one of these methods: a fresh process answers its first message
 * without loading what that message does not need.
 */
export function lazy<Port extends object>(methods: Methods<Port>, open: () => Promise<Port>): Port;
export function lazy(
  methods: Readonly<Record<string, true>>,
  open: () => Promise<AsyncMethods>,
): AsyncMethods {
  const names = Object.keys(methods);
  return Object.fromEntries(
    names.map((name) => [name, async (...given: unknown[]) => (await open())[name]?.(...given)]),
  );
}
