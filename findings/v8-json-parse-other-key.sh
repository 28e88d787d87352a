#!/bin/bash
# Node 24.21.0 (V8 13.6.233.17). JSON.parse returns another key than the text has. It first compares the characters of a
# key with the key that an earlier object had at this place, without decoding escapes. After an object with the key `a\`
# (written "a\\"), the key `a"` (written "a\"") matches by its backslash, and its escaped quote counts as its end: the
# value is found under `a\`. This lasts for the whole process, for every caller whose objects begin with the same keys.
# Node 20.20.2 (V8 11.3.244.8) reads the same texts right. Output:
#   before: {"id":1,"a\"":2}
#   after:  {"id":1,"a\\":2}
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node@24.21.0
cat > keys.mjs <<'JS'
const text = String.raw`{"id":1,"a\"":2}`;
const before = JSON.stringify(JSON.parse(text));
// Another object, of another caller.
JSON.parse(String.raw`{"id":1,"a\\":0}`);
const after = JSON.stringify(JSON.parse(text));
console.log(`before: ${before}\nafter:  ${after}`);
process.exit(before === text && after === String.raw`{"id":1,"a\\":2}` ? 0 : 1);
JS
node_modules/.bin/node keys.mjs
