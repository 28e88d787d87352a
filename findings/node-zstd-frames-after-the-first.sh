#!/bin/bash
# Node.js 24.21.0 (npm package node@24.21.0). A Zstandard file may hold several frames, one after the other (RFC 8878,
# 3.1); `zstd -d` writes all of them, and parallel compressors such as pzstd write one for each block of input.
# createZstdDecompress() and zstdDecompressSync() return the first frame of a chunk and drop what follows it in the same
# chunk, without an error. createGunzip() decompresses all members of such a gzip file. Output:
#   gzip, stream: onetwo
#   zstd, stream: one
#   zstd, sync: one
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node@24.21.0
cat > frames.mjs <<'JS'
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
const packed = (pack) => Buffer.concat([pack("one"), pack("two")]);
const unpacked = async (bytes, stream) => {
  let text = "";
  await pipeline([bytes], stream, async (pieces) => {
    for await (const piece of pieces) text += piece;
  });
  return text;
};
const found = {
  "gzip, stream": await unpacked(packed(zlib.gzipSync), zlib.createGunzip()),
  "zstd, stream": await unpacked(packed(zlib.zstdCompressSync), zlib.createZstdDecompress()),
  "zstd, sync": String(zlib.zstdDecompressSync(packed(zlib.zstdCompressSync))),
};
for (const [name, text] of Object.entries(found)) console.log(`${name}: ${text}`);
process.exit(JSON.stringify(Object.values(found)) === '["onetwo","one","one"]' ? 0 : 1);
JS
node_modules/.bin/node frames.mjs
