// The journey: a column for each stage with its people, feelings, pain points and opportunities.

import { at, count, el, kindText, percent, plain, several } from "./common.js";

const SHOWN = 3;
const APART = { none: "tell no stage", unsure: "are of an unsure stage" };

export function drawMap(choices, stages, findings, open) {
  const told = new Map(stages.map((stage) => [stage.stage, stage]));
  const most = Math.max(1, ...choices.stages.map(({ name }) => told.get(name)?.n_people ?? 0));
  const columns = choices.stages.map(({ name, title }) => column(title === name ? plain(name) : title, told.get(name), findings.filter((f) => f.stage === name), most, open));
  at("map").replaceChildren(el("ol", { class: "stages", "data-n": columns.length }, columns));
  const apart = stages.filter((stage) => APART[stage.stage]).map((stage) => `${several(stage.n_mentions, "mention", "mentions")} ${APART[stage.stage]}`);
  at("apart").textContent = stages.length ? apart.join("; ") : "Nobody passes these filters.";
}

function column(title, stage, findings, most, open) {
  if (!stage) return el("li", { class: "stage silent" }, el("div", { class: "stage-head" }, el("h3", {}, title)), el("p", { class: "soft" }, "Nobody speaks of it."));
  return el("li", { class: "stage" },
    el("div", { class: "stage-head" }, el("h3", {}, title), people(stage, most)),
    mood(stage.net_sentiment),
    listed("Pain points", findings.filter((f) => f.kind === "pain_point"), open),
    listed("Opportunities", findings.filter((f) => f.kind === "opportunity"), open));
}

const people = (stage, most) => el("div", { class: "people" }, el("b", {}, count(stage.n_people)), stage.n_people === 1 ? " person" : " people", el("span", { class: "soft" }, several(stage.n_mentions, "mention", "mentions")), bar("ink", stage.n_people / most));

function bar(kind, share) {
  const inner = el("i", { class: kind });
  inner.style.width = `${Math.round(100 * Math.min(1, Math.max(0, share)))}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, inner);
}

// Net sentiment from -1 to 1: a bar from the middle to either side.
function mood(net) {
  const inner = el("i", { class: net < 0 ? "negative" : "positive" });
  inner.style.width = `${Math.round(50 * Math.abs(net))}%`;
  inner.style.marginLeft = `${Math.round(net < 0 ? 50 + 50 * net : 50)}%`;
  return el("div", { class: "mood" }, el("span", { class: "soft" }, "Net sentiment "), el("b", { class: net < 0 ? "negative" : "positive" }, `${net < 0 ? "−" : "+"}${Math.abs(net).toFixed(2)}`), el("span", { class: "bar middle", "aria-hidden": "true" }, inner));
}

function listed(title, findings, open) {
  if (!findings.length) return el("div", { class: "findings" }, el("h4", {}, title), el("p", { class: "soft" }, "None."));
  const [first, rest] = [findings.slice(0, SHOWN), findings.slice(SHOWN)];
  const list = (some) => el("ol", {}, some.map((finding) => el("li", {}, opener(finding, open))));
  return el("div", { class: "findings" }, el("h4", {}, title), list(first), rest.length ? el("details", {}, el("summary", {}, `${rest.length} more`), list(rest)) : null);
}

export function opener(finding, open) {
  const kind = finding.kind === "pain_point" ? "pain" : "chance";
  return el("button", { type: "button", class: `finding ${kind}`, data: { finding: finding.finding_id }, on: { click: () => open(finding) } },
    el("b", { dir: "auto" }, finding.label),
    el("span", { class: "soft" }, `${finding.kind === "pain_point" ? "" : `${kindText(finding)}, `}${several(finding.reach, "person", "people")}, ${percent(finding.share.value)}${finding.rank === null ? "; too few to rank" : range(finding)}`));
}

const range = (finding) => (finding.rank_low !== null && finding.rank_low !== finding.rank_high ? `, rank\u00a0${finding.rank_low}\u2060–\u2060${finding.rank_high}` : "");
