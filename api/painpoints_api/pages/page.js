"use strict";
// The pages of the service. What comes from the API enters the page as text nodes only.

const ROLES = ["verbatim", "title", "score", "date", "id", "person", "channel", "touchpoint", "stage", "language", "segment", "unused"];
const SEVERAL = { verbatim: "verbatim", segment: "segments", unused: "ignore" };
const FIXED = ["title"]; // said by layouts, not by settings

const at = (id) => document.getElementById(id);

function made(tag, text = "", more = {}) {
  const node = Object.assign(document.createElement(tag), more);
  node.textContent = text;
  return node;
}

function say(text, isProblem = false) {
  at("said").textContent = text;
  at("said").className = isProblem ? "problem" : "";
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.status === 401) location.assign("/sign-in");
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(told.detail || told.title);
  return told;
}

const send = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const when = (moment) => (moment ? new Date(moment).toLocaleString() : "");
const count = (n) => (n === null || n === undefined ? "" : n.toLocaleString());

// -- the list ---------------------------------------------------------------------------------

let uploads = [];
let next = null;

async function list() {
  const told = await ask(`/v1/analyses?limit=50${next ? `&after=${encodeURIComponent(next)}` : ""}`);
  for (const one of told.items) {
    const row = at("list").tBodies[0].insertRow();
    const link = made("a", one.title, { href: `/analyses/${encodeURIComponent(one.id)}` });
    link.dir = "auto";
    row.insertCell().append(link);
    for (const cell of [when(one.created_at), one.state, count(one.counts.n_people), count(one.counts.n_mentions)]) row.insertCell().textContent = cell;
  }
  next = told.next;
  at("more").hidden = !next;
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
  const table = made("table");
  table.append(made("caption", `${source.source}: ${source.title}, ${count(source.n_rows)} rows, ${count(source.n_feedback)} answers`));
  const head = table.createTHead().insertRow();
  for (const name of ["Column", "Taken for", "Why"]) head.append(made("th", name, { scope: "col" }));
  const body = table.createTBody();
  for (const one of source.mapping) {
    const row = body.insertRow();
    row.insertCell().textContent = one.column;
    const choice = made("select");
    choice.setAttribute("aria-label", `${one.column} is taken for`);
    choice.dataset.column = one.column;
    choice.dataset.before = one.by === "settings" ? "" : one.role;
    const roles = ROLES.includes(one.role) ? ROLES : [one.role, ...ROLES];
    for (const role of roles) choice.append(made("option", role, { value: role, selected: role === one.role }));
    row.insertCell().append(choice);
    row.insertCell().textContent = one.reason;
  }
  return table;
}

function issues(quality) {
  const box = made("ul");
  for (const one of quality.issues || []) box.append(made("li", `${count(one.n)} ${one.meaning}`));
  return box;
}

function chosen() {
  const columns = {};
  for (const choice of document.querySelectorAll("#recognised select")) {
    const role = choice.value;
    if (role === choice.dataset.before || FIXED.includes(role)) continue;
    const key = SEVERAL[role];
    if (key) (columns[key] ??= []).push(choice.dataset.column);
    else columns[role] = choice.dataset.column;
  }
  if (columns.verbatim) {
    // a list of verbatims is the whole list: those that were recognised stay in it
    for (const choice of document.querySelectorAll("#recognised select")) if (choice.value === "verbatim" && !columns.verbatim.includes(choice.dataset.column)) columns.verbatim.push(choice.dataset.column);
  }
  return columns;
}

async function start() {
  say("Queueing…");
  const told = await send("/v1/analyses", { title: at("title").value.trim() || "Analysis", upload_ids: uploads, columns: chosen() });
  location.assign(`/analyses/${encodeURIComponent(told.id)}`);
}

const trying = (action) => action().catch((error) => say(error.message, true));

function listPage() {
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
}

// -- one analysis -----------------------------------------------------------------------------

const STATES = { queued: "Waits for its turn", running: "Under way", done: "Done", failed: "Failed", cancelled: "Cancelled" };

function show(one) {
  at("name").textContent = one.title;
  const step = one.state === "running" && one.step ? `: ${one.step}` : "";
  say(`${STATES[one.state]}${step}${one.problem ? `: ${one.problem}` : ""}`, one.state === "failed");
  const bar = at("progress");
  bar.hidden = !["queued", "running"].includes(one.state);
  if (one.total) Object.assign(bar, { max: one.total, value: one.done });
  else bar.removeAttribute("value");
  if (one.state === "done") found(one).catch((error) => say(error.message, true));
}

async function found(one) {
  const base = `/v1/analyses/${encodeURIComponent(one.id)}`;
  const links = [made("a", "Journey map", { href: `/analyses/${encodeURIComponent(one.id)}/map` })];
  for (const kind of ["xlsx", "html", "png", "csv", "parquet"]) links.push(made("a", kind.toUpperCase(), { href: `${base}/exports/${kind}`, download: "" }));
  at("results").replaceChildren(...links);
  at("results").hidden = at("top").hidden = false;
  say(`Done: ${count(one.counts.n_people)} people, ${count(one.counts.n_mentions)} mentions`);
  const told = await ask(`${base}/stages`);
  const table = made("table");
  table.append(made("caption", "First pain point of each stage"));
  const head = table.createTHead().insertRow();
  for (const name of ["Stage", "Pain point", "People"]) head.append(made("th", name, { scope: "col" }));
  const body = table.createTBody();
  for (const stage of told.items.filter((item) => item.n_pain_points)) {
    const [first] = (await ask(`${base}/stages/${encodeURIComponent(stage.stage)}/pain-points?limit=1`)).items;
    const row = body.insertRow();
    for (const cell of [stage.stage, first.label, count(first.reach)]) row.insertCell().textContent = cell;
  }
  at("top").replaceChildren(table);
}

function analysisPage() {
  const id = document.body.dataset.analysis;
  const events = new EventSource(`/v1/analyses/${encodeURIComponent(id)}/events`);
  events.addEventListener("analysis", (event) => {
    const one = JSON.parse(event.data);
    show(one);
    if (["done", "failed", "cancelled"].includes(one.state)) events.close();
  });
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) say("There is no such analysis, or you may not see it.", true);
  });
}

document.body.dataset.page === "analyses" ? listPage() : analysisPage();
