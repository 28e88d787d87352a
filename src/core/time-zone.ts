/** Whether a text names a time zone. The empty text does not: some take it for the zone of this machine. */
export function isTimeZone(timeZone: string): boolean {
  if (timeZone === "") return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}
