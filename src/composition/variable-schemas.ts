import * as z from "zod";

/** On or off. */
export const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

/** Items, separated by commas or blanks. */
export const list = z.string().transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""));
