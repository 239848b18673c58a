// All topics of an analysis in a table: named, owned, merged, hidden and watched in place.

import { ask, at, base, cell, count, el, head, say, teaches, trying } from "./common.js";
import { renamed, ruled, splitting } from "./topic.js";

const TITLES = [["Topic"], ["Mentions", { class: "number" }], ["Owner"], ["Counts for"], ["Watched"], ["Hidden"]];

async function list() {
  const { items } = await ask(`${base}/topics`);
  at("topics").replaceChildren(head(TITLES), el("tbody", {}, items.map((topic) => row(topic, items))));
  if (!items.length) say("This analysis found no topics.");
}

function row(topic, all) {
  const keep = (decision, told) => trying(async () => { await ruled(topic.topic_id, decision); say(told); });
  const name = el("span", { dir: "auto" }, topic.label);
  const owner = el("input", { value: topic.owner ?? "", maxlength: 200, disabled: !teaches, "aria-label": `Owner of ${topic.label}`, on: { change: () => keep({ owner: owner.value.trim() || null }, "Owner kept.") } });
  const targets = all.filter((one) => one.topic_id !== topic.topic_id && !one.merged_into);
  const into = el("select", { disabled: !teaches, "aria-label": `${topic.label} counts for`, on: { change: () => trying(async () => { await ruled(topic.topic_id, { merged_into: into.value || null }); say("Merged; counts follow."); await list(); }) } },
    el("option", { value: "" }, "itself"), targets.map((one) => el("option", { value: one.topic_id, selected: one.topic_id === topic.merged_into }, one.label)));
  const tick = (field, title) => el("input", { type: "checkbox", checked: topic[field], disabled: !teaches, "aria-label": `${title} ${topic.label}`, on: { change: (event) => keep({ [field]: event.target.checked }, `${event.target.checked ? title : `No longer ${title.toLowerCase()}`}.`) } });
  return el("tr", { class: topic.hidden ? "hidden-topic" : "" },
    cell([renamed(name, topic, () => {}, "said"), el("span", { class: "soft" }, `${topic.status === "part" ? "Part: holds " : ""}${topic.terms.slice(0, 6).join(", ")}`),
      teaches && topic.status !== "part" && !all.some((one) => one.parent_id === topic.topic_id && one.status !== "part") ? splitting(topic.topic_id, () => trying(async () => { await list(); say("Split; counts follow."); }), "said") : null], { class: topic.status === "part" ? "of-topic" : null }),
    ...[count(topic.n_mentions), owner, into, tick("watched", "Watched"), tick("hidden", "Hidden")].map((content, i) => cell(content, { class: i ? null : "number", data: { title: TITLES[i + 1][0] } })));
}

trying(list);
