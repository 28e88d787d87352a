/** The polynomial of Castagnoli, bits reversed. */
const polynomial = 0x82f63b78;

/** The checksum by which Secret Manager tells whether a payload arrived whole. A payload has 64 KiB at most. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
