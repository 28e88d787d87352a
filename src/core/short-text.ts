/** A text of at most so many characters: what is too long loses its middle, since either end may hold the reason. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const mark = ` … (${text.length - most} characters left out) … `;
  const room = Math.max(0, most - mark.length);
  const head = Math.ceil((room * 2) / 3);
  return `${text.slice(0, head)}${mark}${room > head ? text.slice(head - room) : ""}`.toWellFormed();
}
