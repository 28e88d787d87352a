// Loaded into a process before its own code.
const now = Date.now;
const hourMs = 3_600_000;
Date.now = () => now() + hourMs;
