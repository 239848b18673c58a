// The labelling queue, one mention at a time, worked by keyboard alone or by pointer.

import { ask, at, el, fill, percent, plain, say, send, several, teaches, trying } from "./common.js";
import { marked } from "./panel.js";

const FIELDS = ["stage", "touchpoint", "sentiment", "type", "severity"];
const CONFIRMED = ["stage", "type"]; // what "the rest is right" says outright
const KEYS = [..."1234567890abcdefghijklmnopqrstuvwxyz"];
const wanted = new URLSearchParams(location.search).get("analysis");

const choices = new Map(); // analysis -> its labels
let items = [], place = 0, field = 0, given = 0, busy = false;

async function load() {
  const told = await ask(`/v1/queue?limit=50${wanted ? `&analysis_id=${encodeURIComponent(wanted)}` : ""}`);
  const known = new Set(items.map((one) => one.mention_id));
  items.push(...told.items.filter((one) => !known.has(one.mention_id)).map((one) => ({ ...one, decided: {} })));
  for (const { analysis_id: id } of told.items.slice(0, 1)) choices.set(id, (await ask(`/v1/analyses/${encodeURIComponent(id)}/filters`)).labels);
}

function draw() {
  const one = items[place], card = at("card");
  card.hidden = !one;
  if (!one) {
    say(items.length ? `That was all of this round; ${several(given, "label", "labels")} given.` : "The queue is empty: every mention has sure labels, or a correction.");
    return;
  }
  const name = FIELDS[field], labels = choices.get(one.analysis_id)[name];
  fill(card,
    el("p", { class: "soft" }, `${place + 1} of ${items.length}; ${one.why}`),
    one.question ? el("p", { class: "soft", dir: "auto" }, one.question) : null,
    marked(one.verbatim, one.start, one.end),
    el("div", { class: "tabs", role: "group", "aria-label": "Label" }, FIELDS.map((other, i) => tab(one, other, i))),
    el("div", { class: "options", role: "group", "aria-label": `${plain(name)} is` }, labels.map((label, i) => option(one, name, label, KEYS[i]))),
    el("div", { class: "actions" }, action("Back", "↑", () => go(-1), place === 0), action("Leave undecided", "↓", () => go(1)), action("The rest is right", "Enter", () => finish(), !teaches, "main")));
  card.focus();
}

const now = (one, name) => one.decided[name] ?? String(one[name]);

function tab(one, name, i) {
  const prob = one[`${name}_prob`];
  return el("button", { type: "button", class: one.decided[name] === undefined ? "chip" : "chip corrected", "aria-pressed": String(i === field), on: { click: () => { field = i; draw(); } } }, el("span", { class: "soft" }, `${plain(name)} `), plain(now(one, name)), one.decided[name] === undefined && prob !== undefined ? el("span", { class: "soft" }, ` ${percent(prob)}`) : "");
}

const option = (one, name, label, key) => el("button", { type: "button", class: "chip", disabled: !teaches, "aria-pressed": String(label === now(one, name)), on: { click: () => give(name, label) } }, key ? el("kbd", {}, key) : "", ` ${plain(label)}`);

const action = (title, key, act, disabled = false, kind = "") => el("button", { type: "button", class: kind, disabled, on: { click: act } }, `${title} `, el("kbd", {}, key));

const post = (one, name, label) => send("/v1/labels", { analysis_id: one.analysis_id, mention_id: one.mention_id, field: name, label });

// One thing after the other: a key that comes while a label is on its way is not lost on the next mention.
async function alone(act) {
  if (busy) return;
  busy = true;
  await trying(act);
  busy = false;
}

const give = (name, label) => alone(async () => {
  const one = items[place];
  await post(one, name, label);
  one.decided[name] = label;
  given += 1;
  say(`${plain(name)}: ${plain(label)}. ${several(given, "label", "labels")} given.`);
  field = Math.min(field + 1, FIELDS.length - 1);
  draw();
});

const finish = () => alone(async () => {
  const one = items[place];
  const open = CONFIRMED.filter((name) => one.decided[name] === undefined && one[name] !== "unsure");
  for (const name of open) {
    await post(one, name, String(one[name]));
    one.decided[name] = String(one[name]);
    given += 1;
  }
  if (!Object.keys(one.decided).length) throw new Error("Neither stage nor type is sure: give one of them, or leave it undecided.");
  say(`${several(given, "label", "labels")} given.`);
  await step(1);
});

const go = (by) => alone(() => step(by));

async function step(by) {
  place = Math.max(0, place + by);
  field = 0;
  if (place >= items.length) await load();
  draw();
}

at("card").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keyed(event);
  if (!act) return;
  event.preventDefault();
  act();
});

function keyed(event) {
  const onButton = event.target.tagName === "BUTTON";
  if (event.key === "Enter") return onButton ? null : finish; // a button in focus does what it says
  if (event.key === "ArrowDown") return () => go(1);
  if (event.key === "ArrowUp") return () => go(-1);
  const turn = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (turn) return () => { field = (field + turn + FIELDS.length) % FIELDS.length; draw(); };
  const one = items[place], labels = choices.get(one.analysis_id)[FIELDS[field]], label = labels[KEYS.indexOf(event.key)];
  return teaches && label !== undefined && KEYS.includes(event.key) ? () => give(FIELDS[field], label) : null;
}

trying(async () => {
  say("Reading…");
  await load();
  say(teaches ? "" : "Your key may look but not label: it lacks the scope label.");
  draw();
});
