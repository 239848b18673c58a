// What analysts decide about a topic: its name in place, owner, merges, what is hidden or watched.

import { ask, base, el, patch, say, teaches, trying } from "./common.js";

const topicPath = (id) => `/v1/topics/${encodeURIComponent(id)}`;
export const ruled = (id, decision) => patch(topicPath(id), decision);

// A heading, with a button that turns it into a field: Enter keeps, Escape leaves it.
export function renamed(heading, topic, changed, where = "panel-said") {
  const box = el("div", { class: "renamed" });
  const button = el("button", { type: "button", class: "quiet", "aria-label": `Rename ${topic.label}`, on: { click: () => edit() } }, "Rename");
  const rest = (focused) => {
    box.replaceChildren(heading, ...(teaches ? [button] : []));
    if (focused) button.focus();
  };
  const edit = () => {
    const input = el("input", { value: heading.textContent, maxlength: 200, required: true, "aria-label": "New name of the topic", autocomplete: "off" });
    const form = el("form", { class: "rename" }, input, el("button", { class: "main" }, "Keep"), el("button", { type: "button", on: { click: () => rest(true) } }, "Leave"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      trying(async () => {
        const kept = await ruled(topic.topic_id, { label: input.value.trim() });
        heading.textContent = kept.label;
        button.setAttribute("aria-label", `Rename ${kept.label}`);
        rest(true);
        say("Renamed, for all analyses of the project.", false, where);
        changed(kept.label);
      }, where);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      rest(true);
    });
    box.replaceChildren(form);
    input.focus();
    input.select();
  };
  rest(false);
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
    el("button", { type: "button", on: { click: () => doing(() => ({ hidden: true })) } }, "Hide this topic"));
}
