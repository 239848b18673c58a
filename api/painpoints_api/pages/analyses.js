// The list of analyses, and the way of new files into one.
// A column that stands is told anew, never drawn anew: a role that is chosen while files are read stays.

import { ask, at, cell, count, el, fill, head, say, send, trying, when } from "./common.js";

const ROLES = ["verbatim", "title", "score", "date", "id", "person", "channel", "touchpoint", "stage", "language", "segment", "unused"];
const SEVERAL = { verbatim: "verbatim", segment: "segments", unused: "ignore" };
const FIXED = ["title"]; // said by layouts, not by settings

const tables = new Map(); // source -> its table, and how to tell it what holds now
const issues = el("ul");
let asked = 0; // an answer that was asked for before the last question does not know of it
let sent = 0; // of files sent in haste the last count, whichever arrive last
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
  const mine = ++sent;
  asked++; // nor does an answer about the files before count any more
  say("Sending…");
  const form = new FormData();
  for (const file of files) form.append("files", file);
  at("analyse").disabled = true;
  let told;
  try {
    told = await ask("/v1/uploads", { method: "POST", body: form });
  } catch (error) {
    if (mine === sent && uploads.length) await check(chosen()); // those before stand
    if (mine === sent) throw error;
  }
  if (mine !== sent) return;
  uploads = told.items.map((one) => one.id);
  tables.clear(); // other files have other columns, though they be called the same
  at("title").value = told.items[0].file_name;
  await check({});
}

async function check(columns) {
  const mine = ++asked;
  say("Reading…");
  at("analyse").disabled = true;
  const told = await send("/v1/uploads/check", { upload_ids: uploads, columns }).catch((error) => { if (mine === asked) throw error; });
  if (mine !== asked) return;
  place(told.sources);
  fill(issues, (told.quality.issues || []).map((one) => el("li", {}, `${count(one.n)} ${one.meaning}`)));
  at("recognised").hidden = at("start").hidden = at("analyse").disabled = false;
  say("Is each column what it is taken for? Change what is not, then analyse.");
}

// Tables that stand are not moved, which would take the focus from them.
function place(sources) {
  for (const source of sources) {
    if (!tables.has(source.source)) tables.set(source.source, recognised(source));
    tables.get(source.source).tell(source);
  }
  const wanted = [...sources.map((source) => tables.get(source.source).node), issues], standing = at("recognised").children;
  if (wanted.length !== standing.length || wanted.some((node, i) => node !== standing[i])) at("recognised").replaceChildren(...wanted);
}

// A file's columns come in its own order, whatever they are taken for.
function recognised(source) {
  const caption = el("caption"), columns = source.mapping.map((one) => recognisedColumn(one.column));
  const node = el("table", {}, caption, head([["Column"], ["Taken for"], ["Why"]]), el("tbody", {}, columns.map((column) => column.node)));
  const tell = (now) => {
    caption.textContent = `${now.source}: ${now.title}, ${count(now.n_rows)} rows, ${count(now.n_feedback)} answers`;
    now.mapping.forEach((one, i) => columns[i].tell(one));
  };
  return { node, tell };
}

function recognisedColumn(name) {
  let decided = 0; // the last question asked before its role was chosen
  const choice = el("select", { "aria-label": `${name} is taken for`, data: { column: name }, on: { change: () => { decided = asked; } } }, ROLES.map((role) => el("option", { value: role }, role)));
  const why = cell("");
  const tell = (now) => {
    if (![...choice.options].some((option) => option.value === now.role)) choice.prepend(el("option", { value: now.role }, now.role));
    if (decided !== asked) choice.value = now.role;
    choice.dataset.before = now.by === "settings" ? "" : now.role;
    why.textContent = now.reason;
  };
  return { node: el("tr", {}, cell(name), cell(choice), why), tell };
}

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
