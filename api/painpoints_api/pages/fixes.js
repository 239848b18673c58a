// The register of fixes, with what each did by the answers of this analysis.

import { ask, at, base, cell, count, day, el, head, percent, plain, say, send, teaches, trying } from "./common.js";

const WORDS = { worked: "Worked", no_evidence: "No evidence yet", got_worse: "Got worse", too_early: "Too early", unknown: "Cannot be judged" };

export async function drawFixes(choices) {
  await list();
  if (teaches) await form(choices);
}

async function list() {
  const { items } = await ask(`${base}/fixes`);
  const titles = [["Fix"], ["Since"], ["Verdict"], ["Before", { class: "number" }], ["After", { class: "number" }], ["Effect", { class: "number" }], ...(teaches ? [[""]] : [])];
  at("fixes").replaceChildren(items.length ? el("table", {}, head(titles), el("tbody", {}, items.map(row))) : el("p", { class: "soft" }, "No fix has been entered yet."));
}

const change = (effect) => (effect ? `${effect.value < 0 ? "−" : "+"}${percent(Math.abs(effect.value))}` : "–");

function row(one) {
  const { fix } = one;
  const meant = [one.target, fix.segment && `for ${fix.segment}`, fix.owner && `by ${fix.owner}`].filter(Boolean).join("; ");
  const more = one.verdict === "no_evidence" && one.n_more ? `${count(one.n_more)} more people ${one.reason}` : one.reason;
  const told = one.effect ? `95 %: ${change({ value: one.effect.low })} to ${change({ value: one.effect.high })}` : "";
  const remove = el("button", { type: "button", class: "quiet", "aria-label": `Remove ${fix.name ?? one.target}`, on: { click: () => trying(async () => { await ask(`/v1/fixes/${encodeURIComponent(fix.id)}`, { method: "DELETE" }); say("Removed.", false, "fixed"); await list(); }, "fixed") } }, "Remove");
  return el("tr", {},
    cell([el("b", { dir: "auto" }, fix.name ?? one.target), el("span", { class: "soft", dir: "auto" }, meant)]),
    cell(day(fix.date)),
    cell([el("span", { class: `verdict ${one.verdict}` }, WORDS[one.verdict]), el("span", { class: "soft" }, more)]),
    cell(percent(one.before.value), { class: "number" }), cell(percent(one.after.value), { class: "number" }),
    cell([change(one.effect), el("span", { class: "soft" }, told)], { class: "number" }),
    teaches ? cell(remove) : null);
}

async function form(choices) {
  const { items } = await ask(`${base}/topics`);
  const box = at("fix");
  const field = (id, label, input) => el("div", { class: "field" }, el("label", { for: id }, label), Object.assign(input, { id }));
  const topics = el("select", { name: "topic" }, el("option", { value: "" }, "Any topic"), items.filter((one) => !one.merged_into && !one.hidden).map((one) => el("option", { value: one.topic_id }, one.label)));
  const stages = el("select", { name: "stage" }, el("option", { value: "" }, "Any stage"), choices.stages.map((one) => el("option", { value: one.name }, plain(one.title))));
  const segments = Object.entries({ ...choices.segments, channel: choices.channel }).flatMap(([name, values]) => values.map((value) => `${name}=${value}`));
  const segment = el("select", { name: "segment" }, el("option", { value: "" }, "Everybody"), segments.map((one) => el("option", { value: one }, one.replace("=", ": "))));
  box.replaceChildren(
    field("fix-name", "What was done", el("input", { name: "name", maxlength: 200, required: true, autocomplete: "off" })),
    field("fix-topic", "About", topics), field("fix-stage", "At", stages),
    field("fix-segment", "Who got it", segment),
    field("fix-date", "Since", el("input", { name: "date", type: "date", required: true })),
    field("fix-owner", "Owner", el("input", { name: "owner", maxlength: 200, autocomplete: "off" })),
    field("fix-expected", "Hoped-for change, percentage points", el("input", { name: "expected", type: "number", min: -100, max: 100, step: "any" })),
    el("button", { class: "main" }, "Enter"));
  box.onsubmit = (event) => {
    event.preventDefault();
    trying(async () => {
      const told = Object.fromEntries([...new FormData(box)].filter(([, value]) => value !== ""));
      if (told.expected) told.expected = Number(told.expected) / 100;
      await send("/v1/fixes", told);
      box.reset();
      say("Entered, for all analyses of the project.", false, "fixed");
      await list();
    }, "fixed");
  };
}
