import type { Dependencies } from "../../src/engine/dependencies.ts";

const killAt = Number(process.env.KILL_AT ?? "0");

/** Every call of a port that this process has made, before it and after its answer. */
export const crossings: string[] = [];

/** Kills this process at the KILL_AT-th crossing. */
function crossing(name: string): void {
  crossings.push(name);
  if (crossings.length !== killAt) return;
  process.kill(process.pid, "SIGKILL");
  // Nothing may happen between the kill and the death.
  for (;;);
}

function watched<Port extends object>(portName: string, port: Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...parameters: unknown[]) => {
        crossing(`before ${portName}.${String(name)}`);
        const passOn = (value: unknown) => {
          crossing(`after ${portName}.${String(name)}`);
          return value;
        };
        const answer: unknown = Reflect.apply(member, target, parameters);
        return answer instanceof Promise ? answer.then(passOn) : passOn(answer);
      };
    },
  });
}

export const around = (dependencies: Dependencies): Dependencies => ({
  ...dependencies,
  store: watched("store", dependencies.store),
  broker: watched("broker", dependencies.broker),
  timer: watched("timer", dependencies.timer),
  runner: watched("runner", dependencies.runner),
  callbacks: watched("callbacks", dependencies.callbacks),
});
