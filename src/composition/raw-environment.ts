/** The variables of a process as they are, or some of them. */
export type RawEnvironment = Readonly<Record<string, string | undefined>>;
