// The filters of an analysis: fields made of what the run holds; what is set stands in the address.

import { ask, at, base, day, el, plain } from "./common.js";

const FIELDS = [["channel", "Channel"], ["touchpoint", "Touchpoint"], ["survey", "Survey"]];
const CUTS = new Set(["stage", "channel", "touchpoint", "survey", "sentiment", "type", "topic_id", "person", "score_min", "score_max", "since", "until", "q"]);
const PAUSE_MS = 250;

const field = (id, label, input, more = {}) => el("div", { class: "field", ...more }, el("label", { for: id }, label), Object.assign(input, { id }));

function select(name, label, values, chosen) {
  const known = chosen && !values.includes(chosen) ? [chosen, ...values] : values;
  const options = [el("option", { value: "" }, "All"), ...known.map((value) => el("option", { value, selected: value === chosen }, name.startsWith("segment.") ? value : plain(value)))];
  return field(`filter-${name}`, label, el("select", { name }, options));
}

function dated(name, label, chosen, choices) {
  const ends = { min: choices.first_at?.slice(0, 10), max: choices.last_at?.slice(0, 10) };
  return field(`filter-${name}`, label, el("input", { type: "date", name, value: chosen, ...ends }));
}

const scored = (name, label, chosen, placeholder) => field(`filter-${name}`, label, el("input", { type: "number", step: "any", name, value: chosen, placeholder }), { class: "field narrow" });

// Draw the fields; call `changed` with the choices of the run now, and whenever what is set changes.
export async function filters(changed) {
  const choices = await ask(`${base}/filters`), form = at("filters");
  const told = given(), set = (name) => told.get(name) ?? "";
  const lists = [...FIELDS.map(([name, label]) => [name, label, choices[name]]), ...Object.entries(choices.segments).map(([name, values]) => [`segment.${name}`, plain(name), values])];
  const fields = lists.filter(([name, , values]) => values.length > 1 || set(name)).map(([name, label, values]) => select(name, label, values, set(name)));
  if (choices.score_low !== null) fields.push(scored("score_min", "Score from", set("score_min"), choices.score_low), scored("score_max", "to", set("score_max"), choices.score_high));
  if (choices.first_at) fields.push(dated("since", "From", set("since"), choices), dated("until", "to and with", set("until"), choices));
  fields.push(field("filter-q", "Text", el("input", { type: "search", name: "q", value: set("q"), minlength: 2, maxlength: 200, placeholder: "2 letters at least" })));
  const reset = el("button", { type: "button", id: "reset" }, "Reset");
  form.replaceChildren(...fields, reset);
  let waiting = null;
  const tell = () => {
    clearTimeout(waiting);
    waiting = null;
    keep(form);
    reset.disabled = !query();
    changed(choices);
  };
  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(tell, event.target.tagName === "SELECT" ? 0 : PAUSE_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell();
  });
  reset.addEventListener("click", () => {
    for (const one of form.elements) one.value = "";
    tell();
    form.elements[0].focus();
  });
  unfold();
  tell();
}

// Wide pages always show them; narrow ones when something is set, or when asked.
function unfold() {
  const wide = matchMedia("(min-width: 761px)");
  const follow = () => { at("filter-box").open = wide.matches || Boolean(query()); };
  wide.addEventListener("change", follow);
  follow();
}

const usable = (name, value) => value !== "" && (name !== "q" || value.trim().length >= 2);

function keep(form) {
  const kept = new URLSearchParams(location.search);
  for (const [name, value] of new FormData(form)) {
    if (usable(name, value)) kept.set(name, value);
    else kept.delete(name);
  }
  const told = kept.toString();
  history.replaceState(null, "", told ? `?${told}` : location.pathname);
}

// What the address says of filters: what else stands there, such as a mailer's mark, the API would refuse.
const given = () => new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => CUTS.has(name) || name.startsWith("segment.")));

// What is set, as the API takes it: a day "to and with" ends where the next one begins.
export function query(more = {}) {
  const told = given();
  const until = told.get("until");
  if (until) told.set("until", new Date(Date.parse(until) + 86_400_000).toISOString().slice(0, 10));
  for (const [name, value] of Object.entries(more)) told.set(name, value);
  return told.toString();
}

export const queried = (path, more = {}) => (query(more) ? `${path}?${query(more)}` : path);

// What is set, in words.
export function words() {
  return [...given()].map(([name, value]) => `${plain(name.replace(/^segment\./, "").replace("score_min", "score from").replace("score_max", "score to").replace(/^q$/, "text"))}: ${["since", "until"].includes(name) ? day(value) : value}`).join("; ");
}
