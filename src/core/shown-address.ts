/**
 * A URL as logs and errors may show it: whom it reaches. Its path and query may be secrets, as those of the hooks of chats are; so may be
 * user and password.
 */
export function shownAddress(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}` : "an address that is not a URL";
}
