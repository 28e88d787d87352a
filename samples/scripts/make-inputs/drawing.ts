import { strokes } from "./stroke-font.ts";

export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel, row by row: 0 is black, 255 is white. */
  readonly pixels: Uint8Array;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** All but `pixelsPerUnit` in units of the font. */
const pixelsPerUnit = 3.6;
const thickness = 1.3;
const letterGap = 2.6;
const wordGap = 6;
const lineHeight = 19;
const margin = 12;
const arcStepDegrees = 6;

/** Black text on white, one line below the other. Throws when the font has not all of its letters. */
export function drawText(lines: readonly string[]): Bitmap {
  const placed = lines.map((line, row) => placeLine(line, margin + row * lineHeight));
  const width = Math.ceil((Math.max(...placed.map((line) => line.end)) + margin) * pixelsPerUnit);
  const height = Math.ceil((2 * margin + lines.length * lineHeight) * pixelsPerUnit);
  const bitmap = { width, height, pixels: new Uint8Array(width * height).fill(255) };
  for (const stroke of placed.flatMap((line) => line.strokes))
    for (const [index, to] of stroke.entries()) drawSegment(bitmap, stroke[index - 1] ?? to, to);
  return bitmap;
}

function placeLine(line: string, top: number) {
  let left = margin;
  const all: (readonly Point[])[] = [];
  for (const letter of line) {
    const shape = letter === " " ? [] : shapeOf(letter);
    const width = Math.max(0, ...shape.flat().map((point) => point.x));
    all.push(...shape.map((stroke) => stroke.map(({ x, y }) => ({ x: x + left, y: y + top }))));
    left += letter === " " ? wordGap - letterGap : width + letterGap;
  }
  return { strokes: all, end: left };
}

function shapeOf(letter: string): readonly (readonly Point[])[] {
  const shape = strokes[letter];
  if (shape === undefined) throw new RangeError(`The font has no "${letter}"`);
  return shape.split(";").map((stroke) => stroke.split(" ").flatMap(pointsOf));
}

function pointsOf(part: string): readonly Point[] {
  const numbers = part.replace("@", "").split(",").map(Number);
  if (!part.startsWith("@")) return [{ x: numbers[0] ?? 0, y: numbers[1] ?? 0 }];
  const [cx = 0, cy = 0, rx = 0, ry = 0, from = 0, to = 0] = numbers;
  const steps = Math.ceil(Math.abs(to - from) / arcStepDegrees);
  return Array.from({ length: steps + 1 }, (_, step) => {
    const angle = ((from + ((to - from) * step) / steps) * Math.PI) / 180;
    return { x: cx + rx * Math.cos(angle), y: cy + ry * Math.sin(angle) };
  });
}

/** A line with round ends; pixels at its edge are grey. */
function drawSegment({ width, pixels }: Bitmap, from: Point, to: Point): void {
  const reach = (thickness / 2) * pixelsPerUnit + 1;
  const [x1, y1, x2, y2] = [from.x, from.y, to.x, to.y].map((unit) => unit * pixelsPerUnit);
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) return;
  const square = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  for (let y = Math.floor(Math.min(y1, y2) - reach); y <= Math.max(y1, y2) + reach; y += 1)
    for (let x = Math.floor(Math.min(x1, x2) - reach); x <= Math.max(x1, x2) + reach; x += 1) {
      const along = square === 0 ? 0 : ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / square;
      const near = Math.min(1, Math.max(0, along));
      const distance = Math.hypot(x - x1 - near * (x2 - x1), y - y1 - near * (y2 - y1));
      const ink = Math.min(1, Math.max(0, reach - 0.5 - distance));
      const at = y * width + x;
      pixels[at] = Math.min(pixels[at] ?? 0, Math.round(255 * (1 - ink)));
    }
}
