// A finding with its evidence: exact quotes; its topic renamed in place, its labels corrected.

import { analysisId, ask, at, base, day, el, fill, kindText, number, percent, plain, send, several, teaches, trying } from "./common.js";
import { queried } from "./filters.js";
import { decide, renamed } from "./topic.js";

const CONTEXT = 280; // characters shown on either side of a mention in a long answer
const FIELDS = ["stage", "touchpoint", "sentiment", "type", "severity"];

export function openPanel(finding, choices, changed) {
  const panel = at("panel");
  const quotes = el("div", { class: "quotes" });
  const close = el("button", { type: "button", class: "close", "aria-label": "Close", on: { click: () => panel.close() } }, "×");
  const title = el("h2", { id: "panel-title", tabindex: "-1", dir: "auto" }, finding.label);
  fill(panel,
    el("header", {}, el("p", { class: "soft" }, `${kindText(finding)}, ${plain(finding.stage)}`), close),
    renamed(title, { topic_id: finding.topic_id, label: finding.label }, (label) => { finding.label = label; changed(); }),
    el("p", { id: "panel-said", role: "status" }),
    facts(finding),
    teaches ? ruling(finding, panel, changed) : null,
    el("h3", {}, "What was said"), quotes);
  panel.onclose = () => document.querySelector(`#map [data-finding="${CSS.escape(finding.finding_id)}"]`)?.focus(); // the map may be drawn anew
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
  title.focus();
  trying(() => more(finding, choices, quotes, null), "panel-said");
}

function facts(finding) {
  const interval = (one) => (one.low === null ? "" : ` (${percent(one.low)} to ${percent(one.high)})`);
  const rank = finding.rank === null ? "too few people to rank" : `${finding.rank}${finding.rank_low !== null && finding.rank_low !== finding.rank_high ? ` (range ${finding.rank_low} to ${finding.rank_high})` : ""}`;
  const rows = [
    ["People", `${several(finding.reach, "person", "people")}, ${percent(finding.share.value)}${interval(finding.share)} of the stage; ${several(finding.n_mentions, "mention", "mentions")}`],
    ["Rank", rank],
    ["Severity", `${number(finding.severity)} of 3`],
    ["Effect on the score", finding.impact?.value === null || !finding.impact ? null : `${number(finding.impact.value)} (${number(finding.impact.low)} to ${number(finding.impact.high)}) points of ${finding.impact_survey}`],
    ["Trend", finding.trend && plain(finding.trend)],
    ["Owner", finding.owner],
    ["Priority", finding.priority_formula],
    ["Why", finding.why],
  ];
  return el("dl", { class: "facts" }, rows.filter(([, told]) => told).map(([name, told]) => el("div", {}, el("dt", {}, name), el("dd", { dir: "auto" }, told))));
}

function ruling(finding, panel, changed) {
  const after = () => { panel.close(); changed(); };
  return el("details", { class: "ruling" }, el("summary", {}, "Owner, merge, split, hide"),
    decide(finding.topic_id, finding.owner, after, "panel-said"));
}

async function more(finding, choices, quotes, after) {
  const path = `${base}/findings/${encodeURIComponent(finding.finding_id)}/mentions`;
  const told = await ask(queried(path, { limit: 20, ...(after ? { after } : {}) }));
  quotes.querySelector(".more")?.remove();
  quotes.append(...told.items.map((mention) => quote(mention, choices)));
  if (told.next) quotes.append(el("button", { type: "button", class: "more", on: { click: () => trying(() => more(finding, choices, quotes, told.next), "panel-said") } }, "More"));
}

// The mention marked in what was said; offsets count characters, not UTF-16 units.
export function marked(verbatim, start, end) {
  const letters = [...verbatim];
  const [from, to] = [Math.max(0, start - CONTEXT), Math.min(letters.length, end + CONTEXT)];
  const cut = (a, b) => letters.slice(a, b).join("");
  return el("blockquote", { dir: "auto" }, from > 0 ? "…" : "", cut(from, start), el("mark", {}, cut(start, end)), cut(end, to), to < letters.length ? "…" : "");
}

function quote(mention, choices) {
  const known = [mention.score === null ? "" : `${mention.survey} ${mention.score}`, mention.channel, day(mention.created_at), ...Object.entries(mention.segments).filter(([, value]) => value !== null).map(([name, value]) => `${plain(name)}: ${value}`)];
  return el("article", { class: "quote" },
    mention.question ? el("p", { class: "soft", dir: "auto" }, mention.question) : null,
    marked(mention.verbatim, mention.start, mention.end),
    el("p", { class: "soft", dir: "auto" }, known.filter(Boolean).join(" · ")),
    chips(mention, choices));
}

// Its labels: a click on one shows what it could be, a click on that puts it right.
function chips(mention, choices) {
  const box = el("div", { class: "labels" }), options = el("div", { class: "options", role: "group", hidden: true }), said = el("span", { role: "status", class: "soft" });
  const shown = (field) => String(mention.corrections[field] ?? mention[field]);
  const chip = (field) => el("button", { type: "button", class: mention.corrections[field] === undefined ? "chip" : "chip corrected", disabled: !teaches, "aria-expanded": "false", data: { field }, on: { click: (event) => unfold(event.currentTarget, field) } }, el("span", { class: "soft" }, `${plain(field)} `), plain(shown(field)));
  const draw = (open = null) => {
    box.replaceChildren(...FIELDS.map(chip));
    if (open) box.querySelector(`[data-field="${open}"]`).focus();
  };
  const unfold = (button, field) => {
    const closes = button.getAttribute("aria-expanded") === "true";
    for (const one of box.children) one.setAttribute("aria-expanded", "false");
    options.hidden = closes;
    if (closes) return;
    button.setAttribute("aria-expanded", "true");
    options.setAttribute("aria-label", `${plain(field)} is`);
    options.replaceChildren(...choices.labels[field].map((label) => el("button", { type: "button", class: "chip", "aria-pressed": String(label === shown(field)), on: { click: () => correct(field, label) } }, plain(label))));
    options.querySelector("button").focus();
  };
  const correct = async (field, label) => {
    try {
      await send("/v1/labels", { analysis_id: analysisId, mention_id: mention.mention_id, field, label });
      mention.corrections[field] = label;
      said.textContent = `${plain(field)} corrected to ${plain(label)}`;
      said.classList.remove("problem");
    } catch (error) {
      said.textContent = error.message;
      said.classList.add("problem");
    }
    options.hidden = true;
    draw(field);
  };
  options.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // else the whole panel closes
    event.stopPropagation();
    const open = box.querySelector('[aria-expanded="true"]');
    options.hidden = true;
    open?.setAttribute("aria-expanded", "false");
    open?.focus();
  });
  draw();
  return el("div", { class: "labelled" }, box, options, said);
}
