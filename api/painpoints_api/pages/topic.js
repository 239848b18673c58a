// What analysts decide about a topic: its name in place, owner, merges, what is hidden or watched.

import { ask, base, el, fill, patch, say, several, teaches, trying } from "./common.js";

const topicPath = (id) => `/v1/topics/${encodeURIComponent(id)}`;
export const ruled = (id, decision) => patch(topicPath(id), decision);

// A heading, with a button that turns it into a field: Enter keeps, Escape leaves it.
export function renamed(heading, topic, changed, where = "panel-said") {
  const box = el("div", { class: "renamed" });
  const button = el("button", { type: "button", class: "quiet", on: { click: () => edit() } }, "Rename");
  heading.id ||= `name-${topic.topic_id}`;
  button.id = `rename-${topic.topic_id}`;
  button.setAttribute("aria-labelledby", `${button.id} ${heading.id}`); // "Rename", and the name as it stands
  const rest = () => {
    const focused = box.contains(document.activeElement); // who went on meanwhile is not called back
    box.replaceChildren(heading, ...(teaches ? [button] : []));
    if (focused) button.focus();
  };
  const edit = () => {
    const input = el("input", { value: heading.textContent, maxlength: 200, required: true, "aria-label": "New name of the topic", autocomplete: "off" });
    const form = el("form", { class: "rename" }, input, el("button", { class: "main" }, "Keep"), el("button", { type: "button", on: { click: rest } }, "Leave"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      trying(async () => {
        const kept = await ruled(topic.topic_id, { label: input.value.trim() });
        heading.textContent = kept.label;
        rest();
        say("Renamed, for all analyses of the project.", false, where);
        changed(kept.label);
      }, where);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      rest();
    });
    box.replaceChildren(form);
    input.focus();
    input.select();
  };
  rest();
  return box;
}

// Owner, merge and hide of one topic, as a form for the panel.
export function decide(topicId, owner, after, where) {
  const field = el("input", { value: owner ?? "", maxlength: 200, autocomplete: "off", id: "topic-owner" });
  const into = el("select", { id: "topic-into" }, el("option", { value: "" }, "Choose a topic"));
  const doing = (decision) => trying(async () => { await ruled(topicId, decision()); after(); }, where);
  trying(async () => {
    const told = await ask(`${base}/topics`);
    into.append(...told.items.filter((one) => one.topic_id !== topicId && !one.merged_into && !one.hidden).map((one) => el("option", { value: one.topic_id }, one.label)));
  }, where);
  return el("div", { class: "decide" },
    el("div", { class: "field" }, el("label", { for: "topic-owner" }, "Owner"), field, el("button", { type: "button", on: { click: () => doing(() => ({ owner: field.value.trim() || null })) } }, "Keep owner")),
    el("div", { class: "field" }, el("label", { for: "topic-into" }, "Count it for"), into, el("button", { type: "button", on: { click: () => { if (into.value) doing(() => ({ merged_into: into.value })); else into.focus(); } } }, "Merge")),
    el("button", { type: "button", on: { click: () => doing(() => ({ hidden: true })) } }, "Hide this topic"),
    topicId.includes(MARK) ? null : splitting(topicId, after, where));
}

const MARK = "~"; // between a topic's id and the number of its part
const LOOK_MS = 300;

// A topic split by words: a name and words for each part, how many mentions each takes, and what stays.
export function splitting(topicId, after, where) {
  const box = el("div", { class: "split" }), summary = el("summary", {}, "Split it");
  let drawn = false;
  const done = () => {
    if (box.contains(document.activeElement)) summary.focus();
    unfold.open = drawn = false; // opened again, it is drawn with the parts that there are then
    box.replaceChildren();
    after();
  };
  const draw = () => {
    if (!unfold.open || drawn) return;
    drawn = true;
    trying(() => drawSplit(box, topicId, done, where).catch((error) => { drawn = box.hasChildNodes(); throw error; }), where);
  };
  const unfold = el("details", { class: "split-box", on: { toggle: draw } }, summary, box);
  return unfold;
}

async function drawSplit(box, topicId, done, where) {
  const path = `${base}/topics/${encodeURIComponent(topicId)}/split`;
  const topic = (await ask(`${base}/topics`)).items.find((one) => one.topic_id === topicId);
  const kept = topic.parts ?? [];
  const parts = el("div", { class: "parts" }), chips = el("div", { class: "choices", role: "group", "aria-label": "Words that divide it" }), sum = el("p", { class: "soft", role: "status" });
  let into = null, looks = 0;
  const add = (part = { topic_id: null, label: "", words: [] }) => {
    const n = parts.children.length + 1;
    const name = el("input", { value: part.label, maxlength: 200, autocomplete: "off", "aria-label": `Name of part ${n}`, placeholder: "Name" });
    const words = el("input", { value: part.words.join(", "), autocomplete: "off", "aria-label": `Words of part ${n}`, placeholder: "Words, with commas between", on: { focus: () => { into = words; }, input: look } });
    const taken = el("span", { class: "soft" });
    into = words;
    parts.append(el("div", { class: "part", data: { id: part.topic_id ?? "" } }, name, words, taken));
  };
  const given = () => [...parts.children].map((row) => ({ id: row.dataset.id || null, label: row.children[0].value.trim(), words: row.children[1].value.split(",").map((word) => word.trim()).filter(Boolean) }));
  const asked = async () => ask(`${path}?${new URLSearchParams(given().map((part) => ["words", part.words.join(",")]))}`);
  async function count() {
    const mine = ++looks, told = await asked();
    if (mine !== looks) return told; // other words stand there by now
    told.parts.forEach((n, i) => { parts.children[i].children[2].textContent = several(n, "mention", "mentions"); });
    sum.textContent = `${several(told.n_left, "mention stays", "mentions stay")} with the topic.`;
    return told;
  }
  function look() {
    const mine = ++looks;
    setTimeout(() => { if (mine === looks) trying(count, where); }, LOOK_MS);
  }
  const keep = () => trying(async () => {
    const wanted = given().filter((part) => part.label || part.words.length);
    if (!wanted.length || wanted.some((part) => !part.label || !part.words.length)) throw new Error("Each part needs a name and at least one word.");
    await ruled(topicId, { parts: wanted.map(({ id, label, words }) => ({ topic_id: id, label, words })) });
    done();
  }, where);
  if (kept.length) kept.forEach(add);
  else { add(); add(); into = parts.children[0].children[1]; }
  box.replaceChildren(
    el("p", { class: "soft" }, "A mention counts for the first part whose words it holds (from the beginning of a word on: call, calls, called), in all analyses; the others stay."),
    parts, sum, chips,
    el("div", { class: "actions" }, el("button", { type: "button", on: { click: () => { add(); into.focus(); look(); } } }, "Another part"), el("button", { type: "button", class: "main", on: { click: keep } }, "Split"),
      ...(kept.length ? [el("button", { type: "button", on: { click: () => trying(async () => { await ruled(topicId, { parts: null }); done(); }, where) } }, "Put it together again")] : [])));
  const told = await count();
  fill(chips, told.words.map(({ word, n_mentions: n }) => el("button", { type: "button", class: "chip", on: { click: () => {
    into.value = [...into.value.split(",").map((one) => one.trim()).filter(Boolean), word].join(", ");
    into.focus();
    look();
  } } }, word, el("span", { class: "soft" }, ` ${n}`))));
}
