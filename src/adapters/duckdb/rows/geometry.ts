/** The types of well-known binary (WKB), by their numbers from 1. */
const names = [
  "POINT",
  "LINESTRING",
  "POLYGON",
  "MULTIPOINT",
  "MULTILINESTRING",
  "MULTIPOLYGON",
  "GEOMETRYCOLLECTION",
] as const;

const dimensions = ["", " Z", " M", " ZM"] as const;

/** Reads numbers one after another. Each geometry names its byte order. */
class WkbReader {
  readonly #view: DataView;
  #at = 0;
  isLittleEndian = true;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  count(): number {
    const value = this.#view.getUint32(this.#at, this.isLittleEndian);
    this.#at += 4;
    return value;
  }

  double(): number {
    const value = this.#view.getFloat64(this.#at, this.isLittleEndian);
    this.#at += 8;
    return value;
  }
}

/** Well-known text as BigQuery writes it, `POINT(1 2)`, of the WKB that the client returns for a GEOMETRY. */
export function wellKnownText(wkb: Uint8Array): string {
  const { name, content } = readGeometry(new WkbReader(wkb));
  return name + content;
}

interface Geometry {
  readonly name: string;
  /** In parentheses, or EMPTY. */
  readonly content: string;
}

function readGeometry(reader: WkbReader): Geometry {
  reader.isLittleEndian = reader.byte() === 1;
  const code = reader.count();
  const [type, dimension] = [names[(code % 1_000) - 1], dimensions[Math.floor(code / 1_000)]];
  if (type === undefined || dimension === undefined) throw new TypeError(`WKB has no type ${code}`);
  const point = () => readPoint(reader, 2 + dimension.trim().length);
  const points = () => inParentheses(list(reader, point));
  // BigQuery has no third dimension; others write a space after it.
  const name = dimension === "" ? type : `${type}${dimension} `;
  switch (type) {
    case "POINT": {
      const text = point();
      return { name, content: inParentheses(text.startsWith("NaN") ? [] : [text]) };
    }
    case "LINESTRING":
      return { name, content: points() };
    case "POLYGON":
      return { name, content: inParentheses(list(reader, points)) };
    case "MULTIPOINT": {
      const found = list(reader, () => readGeometry(reader).content);
      return { name, content: inParentheses(found.map((text) => text.replace(/^\((.*)\)$/, "$1"))) };
    }
    case "MULTILINESTRING":
    case "MULTIPOLYGON":
      return { name, content: inParentheses(list(reader, () => readGeometry(reader).content)) };
    case "GEOMETRYCOLLECTION": {
      const found = list(reader, () => readGeometry(reader));
      return { name, content: inParentheses(found.map((item) => item.name + item.content)) };
    }
  }
}

function list<Item>(reader: WkbReader, readItem: () => Item): Item[] {
  return Array.from({ length: reader.count() }, readItem);
}

function readPoint(reader: WkbReader, count: number): string {
  return Array.from({ length: count }, () => reader.double()).join(" ");
}

function inParentheses(items: readonly string[]): string {
  return items.length === 0 ? " EMPTY" : `(${items.join(", ")})`;
}
