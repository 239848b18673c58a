// What all pages share: asking the API, and building nodes. Told texts become text nodes only.

export const at = (id) => document.getElementById(id);
export const analysisId = document.body.dataset.analysis;
export const base = `/v1/analyses/${encodeURIComponent(analysisId)}`;
export const page = `/analyses/${encodeURIComponent(analysisId)}`;
export const teaches = document.body.dataset.teaches === "yes";
export const may = (scope) => document.body.dataset.rights.split(" ").includes(scope);

const AS_PROPERTY = new Set(["value", "checked", "selected", "disabled", "hidden", "multiple", "indeterminate"]);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, action] of Object.entries(value)) node.addEventListener(event, action);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (AS_PROPERTY.has(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...shown(children));
  return node;
}

const shown = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

// What a node holds, anew; what is not there (null, false) is left out, not written as a word.
export const fill = (node, ...children) => node.replaceChildren(...shown(children));

export function say(text, isProblem = false, where = "said") {
  at(where).textContent = text;
  at(where).classList.toggle("problem", isProblem);
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.status === 401) location.assign("/sign-in");
  const told = answer.status === 204 ? null : await answer.json().catch(() => ({ title: `The service answered ${answer.status}` }));
  if (!answer.ok) throw new Error(told.detail || told.title);
  return told;
}

const sending = (method) => (path, body) => ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
export const send = sending("POST");
export const patch = sending("PATCH");

export const trying = (action, where = "said") => Promise.resolve().then(action).catch((error) => { if (error.name !== "AbortError") say(error.message, true, where); });

export const when = (moment) => (moment ? new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "");
export const day = (moment) => (moment ? new Date(moment).toLocaleDateString([], { dateStyle: "medium", timeZone: "UTC" }) : "");
export const count = (n) => (n === null || n === undefined ? "" : n.toLocaleString());
export const percent = (share) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)}\u00a0%`);
export const number = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));
export const plain = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
export const several = (n, one, many) => `${count(n)}\u00a0${n === 1 ? one : many}`;

const KINDS = { remove_pain: "Remove a pain", asked_for: "Asked for", extend_delight: "Extend a delight" };
export const kindText = (finding) => KINDS[finding.opportunity] ?? "Pain point";

export const cell = (content, more = {}) => el("td", more, content);
export const head = (titles) => el("thead", {}, el("tr", {}, titles.map(([title, more]) => el("th", { scope: "col", ...more }, title))));
