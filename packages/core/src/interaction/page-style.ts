/**
 * The style of the built-in page. Lengths in `rem` follow the text size that a person has set, sides follow the
 * direction of the language, and colour is never the only sign.
 */
export const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--ground:#f3f4f6;--line:#d0d5dc;--edge:#6b7580;--soft:#59636e;--go:#0b6b3a;--goink:#fff;--warn:#b35900;--focus:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--paper:#1d2126;--ground:#121417;--line:#3a414a;--edge:#8b96a1;--soft:#a3adb8;--go:#4cc38a;--goink:#06140c;--warn:#f0a040;--focus:#8ab4f8}}
*{box-sizing:border-box}
html{text-size-adjust:100%;-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;grid-template-columns:minmax(0,30rem);place-content:center;padding:min(1rem,3vw);background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{padding:min(2rem,5vw);background:var(--paper);border:1px solid var(--line);border-radius:.75rem}
header{display:flex;gap:.6rem;align-items:center;color:var(--soft);font-weight:600}
header p{margin:0}
header img{flex:none}
h1{margin:.75rem 0 1.25rem;font-size:1.5rem;line-height:1.25}
h2{margin:1.25rem 0 .25rem;font-size:1rem}
p,ul{margin:.5rem 0}
section{margin-block-end:1.25rem}
ul{padding-inline-start:1.25rem}
code{font-family:ui-monospace,monospace;font-size:.875em;color:var(--soft)}
pre{white-space:pre-wrap;padding:.75rem;background:var(--ground);border-radius:.5rem;font:.875em/1.4 ui-monospace,monospace}
.warning{margin:1.25rem 0 0;padding:.75rem;border-inline-start:4px solid var(--warn);background:var(--ground);border-radius:.25rem}
.note{color:var(--soft);font-size:.9rem}
.note strong{color:var(--ink)}
a{display:flex;align-items:center;width:fit-content;min-width:2.75rem;min-height:2.75rem;color:inherit}
form{margin:1.25rem 0 0;display:grid;gap:.75rem}
.choice{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(7.5rem,100%),1fr));gap:.75rem}
label,li [role=alert]{font-weight:600}
form p{margin:0}
input:not([type=hidden]){width:100%;min-height:2.75rem;padding:.6rem .75rem;font:inherit;letter-spacing:.08em;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:.5rem}
::placeholder{color:var(--soft);opacity:1}
button{min-height:2.75rem;padding:.75rem 1rem;font:inherit;font-weight:600;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:.5rem;cursor:pointer}
button.only{background:var(--go);border-color:var(--go);color:var(--goink)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
`
