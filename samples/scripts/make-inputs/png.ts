import { crc32, deflateSync } from "node:zlib";
import type { Bitmap } from "./drawing.ts";

const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const pixelsPerMetre = 11_811; // 300 dots per inch, as from a scanner
const bitsPerPixel = 8;
const grey = 0;

/** A PNG of grey pixels. */
export function pngOf({ width, height, pixels }: Bitmap): Buffer {
  const rows = Array.from({ length: height }, (_, row) =>
    // Each row is led by its filter: 0, none.
    Buffer.concat([Buffer.of(0), pixels.subarray(row * width, (row + 1) * width)]),
  );
  const header = Buffer.concat([numbers(width, height), Buffer.of(bitsPerPixel, grey, 0, 0, 0)]);
  const density = Buffer.concat([numbers(pixelsPerMetre, pixelsPerMetre), Buffer.of(1)]);
  const image = deflateSync(Buffer.concat(rows), { level: 9 });
  const end = Buffer.alloc(0);
  return Buffer.concat([
    signature,
    part("IHDR", header),
    part("pHYs", density),
    part("IDAT", image),
    part("IEND", end),
  ]);
}

function part(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([numbers(data.length), body, numbers(crc32(body))]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
