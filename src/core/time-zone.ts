import * as z from "zod";

/** Names that this runtime takes and the IANA database does not have: several zones share each of them. */
const abbreviations = new Set(
  "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST".split(
    " ",
  ),
);
const offset = /^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$/i;

/** Why a text names no time zone; undefined when it does. */
export function timeZoneProblem(timeZone: string): string | undefined {
  const quoted = JSON.stringify(timeZone);
  const fixed = offset.exec(timeZone);
  if (fixed && !isKnownName(timeZone)) return `${quoted} is an offset, not a time zone; ${insteadOf(fixed)}`;
  if (abbreviations.has(timeZone.toUpperCase()))
    return `${quoted} is an abbreviation, which more than one time zone has; ${example}`;
  return isKnownName(timeZone) ? undefined : `${quoted} is not a time zone; ${example}`;
}

const example = 'write an IANA name, such as "Europe/Paris" or "UTC"';

/** For an offset of whole hours there is a zone, whose sign is the other way round. */
function insteadOf([, sign, hours, minutes = "00"]: RegExpExecArray): string {
  const zone = Number(hours) === 0 ? "UTC" : `Etc/GMT${sign === "+" ? "-" : "+"}${Number(hours)}`;
  if (Number(minutes) !== 0 || !isKnownName(zone)) return example;
  return `${example}; the same offset all year is "${zone}"`;
}

/** Whether this runtime has a clock of that name, offsets left out. */
function isKnownName(timeZone: string): boolean {
  return !/^([+-]|SystemV\/)/i.test(timeZone) && hasClock(timeZone);
}

/** Whether such a clock can be read. It takes more than may be written now: stored definitions have to work on. */
export function hasClock(timeZone: string): boolean {
  // Some take the empty text for the zone of the machine.
  if (timeZone === "") return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

/** A time zone as it is written in a workflow. */
export const TimeZoneSchema = z.string().superRefine((timeZone, context) => {
  const message = timeZoneProblem(timeZone);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
