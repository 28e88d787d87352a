// Loaded into a process before its own code: it lives some hours later. Leases of those that died before it are over,
// and need not be so short that a slow machine outlives its own.
const now = Date.now;
const hours = Number(process.env.BATON_TEST_HOURS_LATER ?? 1);
Date.now = () => now() + hours * 3_600_000;
