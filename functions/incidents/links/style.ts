/** The style of the pages. Its hash stands in their content security policy, so it is one constant text. */
export const STYLE = `
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1a1d23; --soft: #5a6270; --line: #dfe3e8; --go: #1d5fd1; --go-text: #fff; --grave: #b3261e; --done: #17703a; }
@media (prefers-color-scheme: dark) { :root { --back: #101318; --card: #1a1f27; --text: #e8eaed; --soft: #9aa4b2; --line: #2e3540; --go: #8ab4f8; --go-text: #0d1520; --grave: #f2b8b5; --done: #81c995; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { max-width: 40rem; margin: 0 auto; padding: 1.25rem 1rem .5rem; color: var(--soft); font-weight: 600; letter-spacing: .02em; }
main { max-width: 40rem; margin: 0 auto 3rem; padding: 1.25rem 1.25rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.eyebrow { margin: 0 0 .25rem; color: var(--soft); font-size: .9rem; }
.eyebrow.done { color: var(--done); font-weight: 600; }
.eyebrow.refused { color: var(--grave); font-weight: 600; }
.severity { display: inline-block; margin-right: .35rem; padding: 0 .5rem; border-radius: 6px; border: 1px solid currentColor; font-weight: 700; }
.P1, .P2 { color: var(--grave); }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; overflow-wrap: anywhere; }
dl { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
dl div { display: grid; grid-template-columns: 9rem 1fr; gap: .75rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
label { display: block; margin: 0 0 1rem; color: var(--soft); }
input[name=reason] { display: block; width: 100%; margin-top: .25rem; padding: .65rem .75rem; font: inherit; color: var(--text); background: var(--back); border: 1px solid var(--line); border-radius: 8px; }
button { width: 100%; padding: .85rem 1rem; font: inherit; font-weight: 700; color: var(--go-text); background: var(--go); border: 0; border-radius: 8px; cursor: pointer; }
button.grave { color: var(--card); background: var(--grave); }
button:focus-visible, input:focus-visible, summary:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
.note { margin: 1rem 0 0; color: var(--soft); font-size: .9rem; }
details { margin-top: 1.25rem; border-top: 1px solid var(--line); padding-top: .75rem; }
summary { cursor: pointer; font-weight: 600; }
ol { margin: .5rem 0 0; padding: 0; list-style: none; }
li { padding: .25rem 0; color: var(--soft); font: .85rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 32rem) { main { margin: 0 0 2rem; border-radius: 0; border-left: 0; border-right: 0; } dl div { grid-template-columns: 1fr; gap: 0; } }
`;
