// One analysis: followed while it runs, then its map, live with the filters.

import { analysisId, ask, at, base, count, el, may, page, say, several, trying } from "./common.js";
import { drawFixes } from "./fixes.js";
import { filters, queried, query, words } from "./filters.js";
import { drawMap } from "./map.js";
import { openPanel } from "./panel.js";
import { drawWhatIf } from "./whatif.js";

const STATES = { queued: "Waits for its turn", running: "Under way", done: "Done", failed: "Failed", cancelled: "Cancelled" };
const ENDED = ["done", "failed", "cancelled"];
const STEPS = Object.entries({
  gather: "gathering the files",
  analyse: "loading the models",
  read: "reading",
  redact: "masking personal data",
  segment: "splitting answers into mentions",
  encode: "comparing mentions",
  classify: "labelling stages, touchpoints and feelings",
  topics: "finding topics",
  drivers: "measuring effects on the score",
  findings: "ranking",
  write: "drawing map and tables",
  index: "preparing filters",
});

// Which step of how many, in words, and how far all of it is (0 to 1).
function progress(one) {
  const place = STEPS.findIndex(([name]) => name === one.step);
  if (place < 0) return { told: one.step ? `: ${one.step}` : "", part: null };
  const within = one.total ? ` (${count(one.done)} of ${count(one.total)})` : "";
  return { told: `: step ${place + 1} of ${STEPS.length}, ${STEPS[place][1]}${within}`, part: (place + (one.total ? one.done / one.total : 0)) / STEPS.length };
}

function show(one) {
  at("name").textContent = one.title;
  document.title = `painpoints: ${one.title}`;
  const { told, part } = one.state === "running" ? progress(one) : { told: "", part: null };
  say(`${STATES[one.state]}${told}${one.problem ? `: ${one.problem}` : ""}`, one.state === "failed");
  const bar = at("progress");
  bar.hidden = at("cancel").hidden = ENDED.includes(one.state);
  if (part !== null) bar.value = part;
  else bar.removeAttribute("value");
  at("ended").hidden = !ENDED.includes(one.state) || !may("analyse");
  if (one.state === "done") trying(() => found(one));
}

async function found(one) {
  say(`Done: ${several(one.counts.n_people, "person", "people")}, ${several(one.counts.n_mentions, "mention", "mentions")}`);
  at("results").hidden = false;
  let fresh = true;
  early = both({}); // while the filters are read
  early.catch(() => {}); // told when it is used
  await filters((choices) => {
    refresh(choices);
    if (fresh) trying(() => drawFixes(choices), "fixed");
    fresh = false;
  });
}

function links() {
  const plainly = [["Report", `${page}/map`], ["Topics", `${page}/topics`], ["Compare", `${page}/compare`], ["Queue", `/queue?analysis=${encodeURIComponent(analysisId)}`]];
  const whole = ["xlsx", "html", "png", "svg"].map((kind) => [kind.toUpperCase(), `${base}/exports/${kind}`]);
  const cut = [["CSV", "csv"], ["Parquet", "parquet"]].map(([title, kind]) => [query() ? `${title} of the slice` : title, queried(`${base}/exports/${kind}`)]);
  const link = ([name, href]) => el("a", { href }, name);
  const saved = ([name, href]) => el("a", { href, download: "" }, name);
  at("links").replaceChildren(...plainly.map(link), el("span", { class: "soft" }, "Export:"), ...[...whole, ...cut].map(saved));
}

let asked = new AbortController();
let early = null;

const both = (options) => Promise.all([ask(queried(`${base}/stages`), options), ask(queried(`${base}/findings`, { limit: 200 }), options)]);

async function refresh(choices) {
  asked.abort();
  asked = new AbortController();
  links();
  at("map").setAttribute("aria-busy", "true");
  await trying(async () => {
    const first = early;
    early = null;
    const [stages, findings] = await (first ?? both({ signal: asked.signal }));
    const open = (finding) => openPanel(finding, choices, () => refresh(choices));
    drawMap(choices, stages.items, findings.items, open);
    drawWhatIf(choices, findings.items, open);
    say(query() ? `Slice: ${words()}. ${several(total(stages.items), "mention", "mentions")}; ranked anew by reach × severity.` : "", false, "slice");
    at("map").removeAttribute("aria-busy");
  }, "slice");
}

const total = (stages) => stages.reduce((sum, stage) => sum + stage.n_mentions, 0);

const events = new EventSource(`${base}/events`);
events.addEventListener("analysis", (event) => {
  const one = JSON.parse(event.data);
  show(one);
  if (ENDED.includes(one.state)) events.close();
});
events.addEventListener("error", () => {
  if (events.readyState === EventSource.CLOSED) say("There is no such analysis, or you may not see it.", true);
});
// Removing takes two clicks, for it cannot be taken back.
function asking(sure) {
  at("remove").hidden = sure;
  at("remove-now").hidden = at("keep").hidden = !sure;
  at(sure ? "keep" : "remove").focus();
}
at("remove").addEventListener("click", () => asking(true));
at("keep").addEventListener("click", () => asking(false));
at("remove-now").addEventListener("click", () => trying(async () => {
  await ask(base, { method: "DELETE" });
  location.assign("/analyses");
}));
at("cancel").addEventListener("click", () => trying(async () => {
  at("cancel").disabled = true;
  await ask(`${base}/cancel`, { method: "POST" }).catch((error) => { at("cancel").disabled = false; throw error; });
}));
