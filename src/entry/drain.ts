const signals = ["SIGTERM", "SIGINT"] as const;

/**
 * On SIGTERM or SIGINT, drains and then ends the process. Takes the place of every other listener: the functions
 * framework registers its own, which end the process at once, whatever is in flight.
 */
export function drainOnSignals(drain: () => Promise<void>): void {
  const stop = () => {
    drain().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  const takeOver = () => {
    for (const signal of signals) {
      process.removeAllListeners(signal);
      process.once(signal, stop);
    }
  };
  takeOver();
  process.on("newListener", (event, listener) => {
    if (signals.some((signal) => signal === event) && listener !== stop) setImmediate(takeOver);
  });
}
