/** Texts that would be elements, attributes, scripts or marks if a page did not escape them. */
const hostile: readonly string[] = [
  "<script>alert(1)</script>",
  "</script><script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=alert(1)>',
  "'><a href=javascript:alert(1)>x</a>",
  "`alert(1)`",
  "</title><h1>x",
  "</style><style>*{display:none}",
  "</textarea><input autofocus onfocus=alert(1)>",
  "</pre></div></main></body></html>",
  "<!--",
  "-->",
  "<![CDATA[x]]>",
  "&lt;b&gt;",
  "&#60;b&#62;",
  "\u0000<b>",
  "\u0001volatile\u0002",
  "\u0003",
  "\u202Eevil",
  "\uD800",
  "</svg><foreignObject><iframe src=//evil.example>",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content=0;url=//evil.example>",
  "<form action=//evil.example><button>x",
  "<link rel=stylesheet href=//evil.example>",
  "<details open ontoggle=alert(1)>",
  "<b\nid=x>",
  "{{7*7}}",
  "javascript:alert(1)",
  "//evil.example/",
];

/** 200 of them: each by itself, and in surroundings that parsers know. */
export const hostileTexts: readonly string[] = Array.from({ length: 200 }, (_, index) => {
  const text = hostile[index % hostile.length] ?? "";
  return ["", " ", "a", "]]>", '="', "\n", "%3C"][Math.floor(index / hostile.length)] + text;
});
