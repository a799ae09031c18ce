/** How the page looks. Colours have a contrast of at least 4.5 to their ground in both schemes. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1b2733; --quiet: #55636f; --line: #d7dee4; --card: #f4f7f9;
  --open: #8a97a3; --acting: #3478c6; --verifying: #7a5cc4; --escalated: #c62f3b; --resolved: #2e8b57; --people: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #12181f; --text: #e4eaf0; --quiet: #9fadb9; --line: #313c47; --card: #1a222b;
  --open: #7d8b97; --acting: #6aa5e8; --verifying: #a78ee6; --escalated: #f0717b; --resolved: #58b985; --people: #e0b155; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0; } .quiet { color: var(--quiet); font-size: .875rem; } code { font: .85em ui-monospace, SFMono-Regular, Menlo, monospace; }
.tags { margin: 0; } .tag { display: inline-block; padding: .1rem .55rem; border-radius: 1rem; border: 1px solid currentColor; font-size: .8rem; font-weight: 600; }
.tag.state-resolved { color: var(--resolved); } .tag.state-escalated { color: var(--escalated); }
figure { margin: 1.5rem 0 0; } svg { display: block; width: 100%; height: 70px; } svg.step { height: 12px; margin: .2rem 0; }
rect { fill: var(--open); } rect.state-acting { fill: var(--acting); } rect.state-verifying, rect.state-waiting-approval { fill: var(--verifying); }
rect.state-escalated { fill: var(--escalated); } rect.state-resolved { fill: var(--resolved); }
svg line { stroke: var(--quiet); stroke-width: 2; vector-effect: non-scaling-stroke; } svg line.topic-changed { stroke: var(--acting); stroke-width: 3; }
svg line.topic-called { stroke: var(--escalated); stroke-width: 3; } svg line.topic-verified, svg line.topic-ended { stroke: var(--resolved); stroke-width: 3; }
.axis { display: flex; justify-content: space-between; gap: 1rem; color: var(--quiet); font-size: .8rem; font-variant-numeric: tabular-nums; }
figcaption { margin-top: .4rem; font-size: .8rem; } .key { margin-right: .9rem; white-space: nowrap; } .key::before { content: ""; display: inline-block; width: .7rem; height: .7rem;
  margin-right: .35rem; border-radius: 2px; background: var(--open); }
.key.state-acting::before { background: var(--acting); } .key.state-verifying::before, .key.state-waiting-approval::before { background: var(--verifying); }
.key.state-escalated::before { background: var(--escalated); } .key.state-resolved::before { background: var(--resolved); }
dl { margin: 0; } dl > div { display: grid; grid-template-columns: minmax(9rem, 16rem) 1fr; gap: 0 1rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--quiet); } dd { margin: 0; }
.changes { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; } .changes li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.changes dl > div:last-child { border: 0; }
table { width: 100%; border-collapse: collapse; } th { text-align: left; color: var(--quiet); font-size: .8rem; font-weight: 500; } th, td { padding: .35rem .75rem .35rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
.figures td, .figures th { overflow-wrap: break-word; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; } .kind { font-weight: 600; white-space: nowrap; }
.topic-changed .kind { color: var(--acting); } .topic-called .kind { color: var(--escalated); } .topic-verified .kind, .topic-ended .kind { color: var(--resolved); }
.topic-person .kind { color: var(--people); } .by::before { content: "\\00b7\\00a0"; } .people { color: var(--people); } .bad { color: var(--escalated); }
@media (max-width: 40rem) { dl > div { grid-template-columns: 1fr; } thead { display: none; } table, tbody, tr, td { display: block; } tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  td { border: 0; padding: 0; } td.time, tr td:nth-child(2) { display: inline-block; margin-right: .6rem; } }
@media print { :root { --ground: #fff; --text: #000; --quiet: #444; --line: #bbb; --card: #fff; } body { max-width: none; padding: 0; font-size: 10pt; } section, .changes li, tr { break-inside: avoid; } }
`;
