// Two analyses, finding by finding: what is new, gone, rising, falling.

import { analysisId, ask, at, base, cell, el, head, page, percent, plain, say, trying } from "./common.js";
import { filters, queried } from "./filters.js";

const VERDICTS = ["rising", "new", "falling", "gone", "unchanged"];
const shown = new Set(["rising", "new", "falling", "gone"]);
let items = [];

async function start() {
  const { items: all } = await ask("/v1/analyses?limit=200");
  const me = all.find((one) => one.id === analysisId), others = all.filter((one) => one.state === "done" && one.id !== analysisId);
  at("name").textContent = `Changes in ${me ? me.title : "this analysis"}`;
  if (!others.length) {
    at("against").hidden = at("filter-box").hidden = true;
    say("There is no other finished analysis to compare with.");
    return;
  }
  const given = new URLSearchParams(location.search).get("with");
  const chosen = others.find((one) => one.id === given) ?? others.find((one) => one.id < analysisId) ?? others[0];
  at("with").replaceChildren(...others.map((one) => el("option", { value: one.id, selected: one === chosen }, `${one.title} (${new Date(one.created_at).toLocaleDateString()})`)));
  at("with").addEventListener("change", () => trying(refresh));
  at("against").addEventListener("submit", (event) => event.preventDefault());
  await filters(() => trying(refresh));
}

let asked = new AbortController();

async function refresh() {
  asked.abort();
  asked = new AbortController();
  const address = new URLSearchParams(location.search);
  address.set("with", at("with").value);
  history.replaceState(null, "", `?${address}`);
  items = (await ask(queried(`${base}/compare`, { with: at("with").value }), { signal: asked.signal })).items;
  draw();
}

function draw() {
  const n = (verdict) => items.filter((one) => one.verdict === verdict).length;
  at("verdicts").replaceChildren(...VERDICTS.map((verdict) => el("button", { type: "button", class: "chip", "aria-pressed": String(shown.has(verdict)), data: { verdict }, on: { click: () => { if (!shown.delete(verdict)) shown.add(verdict); draw(); document.querySelector(`[data-verdict="${verdict}"]`).focus(); } } }, `${plain(verdict)} ${n(verdict)}`)));
  const rows = items.filter((one) => shown.has(one.verdict)).sort((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) || moved(b) - moved(a));
  at("changes").replaceChildren(head([["Change"], ["Finding"], ["Share before", { class: "number" }], ["Share now", { class: "number" }], ["Rank", { class: "number" }]]), el("tbody", {}, rows.map(row)));
  say(rows.length ? "" : items.length ? "Nothing of what is chosen above." : "Neither analysis has findings here.");
}

const moved = (one) => Math.abs((one.share_now ?? 0) - (one.share_before ?? 0));
const ranked = (one) => (one.rank_before === null && one.rank_now === null ? "–" : `${one.rank_before ?? "–"} → ${one.rank_now ?? "–"}`);

const row = (one) => el("tr", {}, cell(el("span", { class: `verdict ${one.kind} ${one.verdict}` }, plain(one.verdict))), cell([el("a", { href: page, dir: "auto" }, one.label), el("span", { class: "soft" }, `${plain(one.kind)}, ${plain(one.stage)}`)]), cell(percent(one.share_before), { class: "number" }), cell(percent(one.share_now), { class: "number" }), cell(ranked(one), { class: "number" }));

trying(start);
