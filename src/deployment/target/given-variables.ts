/** An environment, or a part of it. */
export type Variables = Readonly<Record<string, string | undefined>>;
