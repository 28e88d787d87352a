#!/bin/bash
# yaml-language-server 1.18.0, which editors show errors of YAML files with. A schema that allows only one boolean,
# by `const` or by `enum`, is reported as an error for that boolean: "Value must be true." for true. By JSON Schema it
# is valid (ajv 8.17.1 says so), and the number 0 has no such problem. 1.15.0, 1.19.2 and 2.0.0 report nothing. Output:
#   {"const":false} with false: Value must be false.
#   {"enum":[false]} with false: Value is not accepted. Valid values: false.
#   {"const":0} with 0: no problem
#   {"const":true} with true: Value must be true.
#   ajv, {"const":false} with false: true
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund yaml-language-server@1.18.0 ajv@8.17.1
cat > one.cjs <<'JS'
const { getLanguageService } = require("yaml-language-server");
const { TextDocument } = require("vscode-languageserver-textdocument");
const [written, value] = process.argv.slice(2);
const schema = { type: "object", properties: { a: JSON.parse(written) } };
const service = getLanguageService({
  schemaRequestService: async () => "{}",
  workspaceContext: { resolveRelativePath: (path) => path },
  telemetry: { send() {}, sendError() {}, sendTrack() {} },
});
service.configure({
  validate: true,
  schemas: [{ uri: "https://schema.test/one.json", fileMatch: ["*.yaml"], schema }],
});
const document = TextDocument.create("file:///one.yaml", "yaml", 1, `a: ${value}`);
service.doValidation(document, false).then((found) => {
  const problems = found.map(({ message }) => message).join("; ");
  console.log(`${written} with ${value}: ${problems || "no problem"}`);
});
JS
{
  node one.cjs '{"const":false}' false
  node one.cjs '{"enum":[false]}' false
  node one.cjs '{"const":0}' 0
  node one.cjs '{"const":true}' true
  node -e 'const Ajv = require("ajv");
    console.log(`ajv, {"const":false} with false: ${new Ajv().compile({ const: false })(false)}`)'
} | tee output
cat > expected <<'TEXT'
{"const":false} with false: Value must be false.
{"enum":[false]} with false: Value is not accepted. Valid values: false.
{"const":0} with 0: no problem
{"const":true} with true: Value must be true.
ajv, {"const":false} with false: true
TEXT
diff output expected
