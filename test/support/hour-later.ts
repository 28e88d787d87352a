// Loaded into a process before its own code: it lives an hour later. Leases of those that died before it are over, and need
// not be so short that a slow machine outlives its own.
const now = Date.now;
Date.now = () => now() + 3_600_000;
