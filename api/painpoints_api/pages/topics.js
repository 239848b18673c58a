// All topics of an analysis in a table: named, owned, merged, hidden and watched in place.
// A row that stands is told anew, never drawn anew: what is open, typed or clicked in it stays.

import { ask, at, base, cell, count, el, head, say, teaches, trying } from "./common.js";
import { renamed, ruled, splitting } from "./topic.js";

const TITLES = [["Topic"], ["Mentions", { class: "number" }], ["Owner"], ["Counts for"], ["Watched"], ["Hidden"]];

const rows = new Map(); // topic_id -> its row, and how to tell it what holds now
const body = el("tbody");
let asked = 0; // an answer that was asked for before the last decision does not know of it

async function list() {
  const mine = ++asked;
  const { items } = await ask(`${base}/topics`);
  if (mine !== asked) return;
  place(items);
  for (const topic of items) rows.get(topic.topic_id).tell(topic, items);
  if (!items.length) say("This analysis found no topics.");
}

// Rows keep their places, so that none moves away from under a click; new ones, parts, come after their topic.
function place(items) {
  const wanted = new Set(items.map((one) => one.topic_id));
  for (const [id, { node }] of rows) {
    if (wanted.has(id)) continue;
    node.remove();
    rows.delete(id);
  }
  let above = null;
  for (const topic of items) {
    if (!rows.has(topic.topic_id)) {
      rows.set(topic.topic_id, row(topic, items));
      const { node } = rows.get(topic.topic_id);
      if (above) above.after(node);
      else body.prepend(node);
    }
    above = rows.get(topic.topic_id).node;
  }
}

// A decision that other rows tell of too; refused or not, all are told what holds.
const deciding = (action) => trying(async () => {
  asked += 1;
  await action().finally(list);
});

function row(topic, all) {
  const id = topic.topic_id, isPart = topic.status === "part";
  const keep = (decision, told) => trying(async () => { await ruled(id, decision); say(told); });
  const name = el("span", { dir: "auto" }), terms = el("span", { class: "soft" }), mentions = el("span");
  const owner = el("input", { value: topic.owner ?? "", maxlength: 200, disabled: !teaches, on: { change: () => keep({ owner: owner.value.trim() || null }, "Owner kept.") } });
  const into = el("select", { disabled: !teaches, on: { change: () => deciding(async () => { await ruled(id, { merged_into: into.value || null }); say("Merged; counts follow."); }) } });
  const tick = (field, title) => el("input", { type: "checkbox", checked: topic[field], disabled: !teaches, on: { change: (event) => keep({ [field]: event.target.checked }, `${event.target.checked ? title : `No longer ${title.toLowerCase()}`}.`) } });
  const watched = tick("watched", "Watched"), hidden = tick("hidden", "Hidden");
  const isWhole = !isPart && !all.some((one) => one.parent_id === id && one.status !== "part");
  const node = el("tr", {},
    cell([renamed(name, topic, () => trying(list), "said"), terms,
      teaches && isWhole ? splitting(id, () => trying(async () => { await list(); say("Split; counts follow."); }), "said") : null], { class: isPart ? "of-topic" : null }),
    ...[mentions, owner, into, watched, hidden].map((content, i) => cell(content, { class: i ? null : "number", data: { title: TITLES[i + 1][0] } })));
  const tell = (now, others) => {
    name.textContent = now.label;
    terms.textContent = `${isPart ? "Part: holds " : ""}${now.terms.slice(0, 6).join(", ")}`;
    mentions.textContent = count(now.n_mentions);
    node.classList.toggle("hidden-topic", now.hidden);
    into.replaceChildren(...targets(now, others));
    for (const [field, title] of [[owner, `Owner of ${now.label}`], [into, `${now.label} counts for`], [watched, `Watched ${now.label}`], [hidden, `Hidden ${now.label}`]]) field.setAttribute("aria-label", title);
  };
  return { node, tell };
}

const targets = (topic, all) => [el("option", { value: "" }, "itself"),
  ...all.filter((one) => one.topic_id !== topic.topic_id && !one.merged_into).map((one) => el("option", { value: one.topic_id, selected: one.topic_id === topic.merged_into }, one.label))];

at("topics").append(head(TITLES), body);
trying(list);
