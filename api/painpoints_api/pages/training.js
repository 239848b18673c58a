// Corrected labels become a version of a classifier: trained, judged, promoted, left again.

import { ask, at, cell, count, el, head, may, plain, say, send, several, trying, when } from "./common.js";

const LOOK_MS = 2000;
const refused = new Set();
const told = (text, isProblem = false) => say(text, isProblem, "trained");
const doing = (action) => trying(action, "trained");

async function follow(id) {
  const one = await ask(`/v1/retrain/${encodeURIComponent(id)}`);
  at("train").querySelector("button").disabled = !one.ended_at;
  if (!one.ended_at) {
    told(one.state === "queued" ? "Waits for its turn…" : "Learning, and being judged; a minute or two…");
    setTimeout(() => doing(() => follow(id)), LOOK_MS);
    return;
  }
  judged(one);
  await versions();
}

function judged(one) {
  at("judged").hidden = one.state !== "done";
  if (one.state !== "done") return told(`The training of ${when(one.created_at)} ${one.state}${one.problem ? `: ${one.problem}` : ""}`, true);
  const { version, part, against, n_rows: n, fallen, findings, compared } = one.result;
  told(`${version} of ${part}, from ${several(n, "corrected text", "corrected texts")}: ${fallen.length ? `worse for ${fallen.join(", ")}` : `no label is worse than by ${against}`}. ${findings.join("; ")}`, fallen.length > 0);
  at("judged").replaceChildren(head([["Label"], ["Judged on"], ["Measure"], ["Texts", { class: "number" }], ["Before", { class: "number" }], ["Now", { class: "number" }]]),
    el("tbody", {}, compared.map((row) => el("tr", {}, cell(plain(row.label)), cell(row.on), cell(row.measure), cell(count(row.n), { class: "number" }), cell(figure(row.before), { class: "number" }), cell([figure(row.after), row.fell ? el("span", { class: "problem" }, " falls") : null], { class: "number" })))));
}

const figure = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

async function versions() {
  const { items } = await ask("/v1/models/versions");
  at("versions").replaceChildren(head([["Classifier"], ["Version"], ["Made"], ["Own texts", { class: "number" }], ["In force"]]), el("tbody", {}, items.map(row)));
}

function row(one) {
  const quality = one.part.replace("classifier-", "");
  const path = `/v1/models/${encodeURIComponent(one.version)}`;
  const act = (title, way, body) => el("button", { type: "button", "aria-label": `${title} ${one.version} of ${one.part}`, on: { click: () => doing(async () => {
    told(`${title}…`);
    try {
      await send(`${path}/${way}`, { quality, ...body });
    } catch (error) {
      if (way === "promote") refused.add(one.version); // a label falls: only who says so outright gets it
      await versions();
      throw error;
    }
    told(way === "promote" ? `${one.version} is in force for all that begins now.` : `${one.version} is no longer in force.`);
    await versions();
  }) } }, title);
  const own = one.version !== "shipped";
  const forced = act("Promote all the same", "promote", { force: true });
  forced.hidden = !refused.has(one.version);
  const change = !may("promote") || !own ? null : one.in_force ? act("Roll back", "rollback", {}) : [act("Promote", "promote", {}), " ", forced];
  return el("tr", {}, cell(plain(quality)), cell(one.version), cell(when(one.made)), cell(one.own_rows ? count(one.own_rows) : "", { class: "number" }), cell([one.in_force ? "yes " : "", change]));
}

at("train").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(async () => {
    told("Queueing…");
    const quality = at("quality").value || null;
    await follow((await send("/v1/retrain", { quality })).id);
  });
});

doing(async () => {
  const [last] = (await ask("/v1/retrain?limit=1")).items;
  told("Reading…");
  if (last) await follow(last.id);
  else {
    await versions();
    told("");
  }
});
