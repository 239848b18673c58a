// The list of analyses, and the way of new files into one.

import { ask, at, cell, count, el, say, send, trying, when } from "./common.js";

const ROLES = ["verbatim", "title", "score", "date", "id", "person", "channel", "touchpoint", "stage", "language", "segment", "unused"];
const SEVERAL = { verbatim: "verbatim", segment: "segments", unused: "ignore" };
const FIXED = ["title"]; // said by layouts, not by settings

let uploads = [];
let next = null;

const ENDED = ["done", "failed", "cancelled"];
const LOOK_MS = 3000;

async function list() {
  const told = await ask(`/v1/analyses?limit=50${next ? `&after=${encodeURIComponent(next)}` : ""}`);
  at("list").tBodies[0].append(...told.items.map(row));
  next = told.next;
  at("more").hidden = !next;
  at("none").hidden = at("list").tBodies[0].rows.length > 0;
}

function row(one) {
  const link = el("a", { href: `/analyses/${encodeURIComponent(one.id)}`, dir: "auto" }, one.title);
  const [state, people, mentions] = [cell(""), cell("", { class: "number" }), cell("", { class: "number" })];
  // What has not ended is looked at again, in the row that stands; a service that is away for a while is waited for.
  const tell = (now) => {
    state.textContent = now.state;
    people.textContent = count(now.counts.n_people);
    mentions.textContent = count(now.counts.n_mentions);
    if (!ENDED.includes(now.state)) setTimeout(async () => tell(await ask(`/v1/analyses/${encodeURIComponent(one.id)}`).catch(() => now)), LOOK_MS);
  };
  tell(one);
  return el("tr", {}, cell(link), cell(when(one.created_at)), state, people, mentions);
}

async function take(files) {
  if (!files.length) return;
  say("Sending…");
  const form = new FormData();
  for (const file of files) form.append("files", file);
  const told = await ask("/v1/uploads", { method: "POST", body: form });
  uploads = told.items.map((one) => one.id);
  at("title").value = told.items[0].file_name;
  await check({});
}

async function check(columns) {
  say("Reading…");
  at("analyse").disabled = true;
  const told = await send("/v1/uploads/check", { upload_ids: uploads, columns });
  at("recognised").replaceChildren(...told.sources.map(recognised), issues(told.quality));
  at("recognised").hidden = at("start").hidden = at("analyse").disabled = false;
  say("Is each column what it is taken for? Change what is not, then analyse.");
}

function recognised(source) {
  const roles = (one) => (ROLES.includes(one.role) ? ROLES : [one.role, ...ROLES]);
  const choice = (one) => el("select", { "aria-label": `${one.column} is taken for`, data: { column: one.column, before: one.by === "settings" ? "" : one.role } }, roles(one).map((role) => el("option", { value: role, selected: role === one.role }, role)));
  return el("table", {}, el("caption", {}, `${source.source}: ${source.title}, ${count(source.n_rows)} rows, ${count(source.n_feedback)} answers`),
    el("thead", {}, el("tr", {}, ["Column", "Taken for", "Why"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, source.mapping.map((one) => el("tr", {}, cell(one.column), cell(choice(one)), cell(one.reason)))));
}

const issues = (quality) => el("ul", {}, (quality.issues || []).map((one) => el("li", {}, `${count(one.n)} ${one.meaning}`)));

function chosen() {
  const columns = {};
  const choices = [...document.querySelectorAll("#recognised select")];
  for (const choice of choices) {
    const role = choice.value;
    if (role === choice.dataset.before || FIXED.includes(role)) continue;
    const key = SEVERAL[role];
    if (key) (columns[key] ??= []).push(choice.dataset.column);
    else columns[role] = choice.dataset.column;
  }
  // a list of verbatims is the whole list: those that were recognised stay in it
  if (columns.verbatim) columns.verbatim = choices.filter((choice) => choice.value === "verbatim").map((choice) => choice.dataset.column);
  return columns;
}

async function start() {
  say("Queueing…");
  const told = await send("/v1/analyses", { title: at("title").value.trim() || "Analysis", upload_ids: uploads, columns: chosen(), continues: at("continues").value });
  location.assign(`/analyses/${encodeURIComponent(told.id)}`);
}

trying(list);
at("more").addEventListener("click", () => trying(list));
at("files").addEventListener("change", (event) => trying(() => take(event.target.files)));
for (const name of ["dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") trying(() => take(event.dataTransfer.files));
  });
}
at("recheck").addEventListener("click", () => trying(() => check(chosen())));
at("start").addEventListener("submit", (event) => {
  event.preventDefault();
  trying(start);
});
