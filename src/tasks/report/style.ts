/** Style sheet of a report. The colours c0 … c7 are told apart by people with any kind of colour vision. */
export const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6675; --rule: #dfe4ea; --edge: #9aa5b1; }
.c0 { --c: #2563c9 } .c1 { --c: #d9730d } .c2 { --c: #1a9270 } .c3 { --c: #b5479b }
.c4 { --c: #b58900 } .c5 { --c: #2ba3c7 } .c6 { --c: #c43b4e } .c7 { --c: #6d6f87 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161c; --ink: #e7ebf0; --soft: #9aa5b4; --rule: #2a313b; --edge: #5b6675; }
  .c0 { --c: #6ea8ff } .c1 { --c: #ffa657 } .c2 { --c: #4bd0a5 } .c3 { --c: #e58ad0 }
  .c4 { --c: #e3c04f } .c5 { --c: #67cdec } .c6 { --c: #ff7f8f } .c7 { --c: #a9abc4 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px }
h1 { margin: 0 0 4px; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere }
.note { margin-top: 8px; color: var(--ink); border-left: 4px solid var(--c); padding-left: 10px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; margin: 20px 0 0; padding: 0; font-size: .9rem }
.legend li { overflow-wrap: anywhere }
.legend li::before { content: ""; display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 3px; background: var(--c) }
.scroll { overflow-x: auto; margin-top: 20px }
svg { display: block; width: 100%; min-width: 760px; height: auto; overflow: visible; font: 12px system-ui, sans-serif }
svg.wide { width: auto; min-width: 0 }
svg text { fill: var(--soft) } svg .name { fill: var(--ink); font-weight: 600 }
svg .end { text-anchor: end } svg .middle { text-anchor: middle }
.grid { stroke: var(--rule) } .zero { stroke: var(--edge) }
rect { fill: var(--c) } rect:hover, circle:hover { opacity: .75 }
.line { fill: none; stroke: var(--c); stroke-width: 2.5; stroke-linejoin: round }
.d1 .line { stroke-dasharray: 9 4 } .d2 .line { stroke-dasharray: 2 4 }
.d1 rect { fill-opacity: .6 } .d2 rect { fill-opacity: .3 }
.legend .d1::before { border-radius: 50%; opacity: .7 } .legend .d2::before { border-radius: 0; opacity: .4 }
.dot { fill: var(--c); stroke: var(--paper); stroke-width: 1.5 }
.hidden { fill: var(--c); opacity: 0 } .hidden:hover { opacity: 1 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding-bottom: 6px }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap }
thead th { color: var(--soft); border-color: var(--edge) }
th:first-child { text-align: left; white-space: normal; min-width: 13ch; overflow-wrap: anywhere; font-weight: 500 }
footer { margin-top: 28px; font-size: .8rem }
@media print { svg, svg.wide { width: 100%; min-width: 0 } }
`;
