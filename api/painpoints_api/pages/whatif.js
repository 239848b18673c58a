// What if: effort and what goes away, said by hand for each ranked pain point, and the new order.

import { at, cell, el, head, number, plain } from "./common.js";
import { opener } from "./map.js";

const MIDDLE = 3;
const SHOWN = 12;
const said = new Map(); // finding_id -> { effort, part }, for as long as the page is open

const gain = (finding) => {
  const { effort, part } = said.get(finding.finding_id);
  return (finding.priority * part * MIDDLE) / effort / 100;
};

export function drawWhatIf(choices, findings, open) {
  const pains = findings.filter((f) => f.kind === "pain_point" && f.rank !== null).sort((a, b) => b.priority - a.priority).slice(0, SHOWN);
  for (const f of pains) if (!said.has(f.finding_id)) said.set(f.finding_id, { effort: f.feasibility === null ? MIDDLE : 6 - f.feasibility, part: 100 });
  const before = new Map(pains.map((f, i) => [f.finding_id, i + 1]));
  const body = el("tbody");
  const titles = new Map(choices.stages.map((stage) => [stage.name, stage.title]));
  const draw = (focus = null) => {
    const order = [...pains].sort((a, b) => gain(b) - gain(a) || b.priority - a.priority);
    body.replaceChildren(...order.map((f, i) => row(f, i + 1, before.get(f.finding_id), plain(titles.get(f.stage) ?? f.stage), draw, open)));
    if (focus) body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  };
  draw();
  at("what-if").replaceChildren(head([["New order", { class: "number" }], ["Pain point"], ["Effort"], ["Goes away, %"], ["Worth", { class: "number" }]]), body);
  at("first").hidden = !pains.length;
}

function row(finding, now, before, stage, draw, open) {
  const held = said.get(finding.finding_id);
  const input = (name, title, min, max, step) => el("input", {
    type: "number", min, max, step, value: held[name], class: "small", "aria-label": `${title} of ${finding.label}`, data: { key: `${name} ${finding.finding_id}` },
    on: { change: (event) => { held[name] = Math.min(max, Math.max(min, Number(event.target.value) || held[name])); draw(`${name} ${finding.finding_id}`); } },
  });
  const moved = before === now ? "" : before > now ? ` ▲ from ${before}` : ` ▼ from ${before}`;
  return el("tr", {}, cell([String(now), el("span", { class: "soft" }, moved)], { class: "number" }), cell([opener(finding, open), el("span", { class: "soft" }, stage)]), cell(input("effort", "Effort", 1, 5, 0.5), { data: { title: "Effort" } }), cell(input("part", "Part that goes away", 5, 100, 5), { data: { title: "Goes away, %" } }), cell(number(gain(finding)), { class: "number", data: { title: "Worth" } }));
}
