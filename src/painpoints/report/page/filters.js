// The filter bar, and what it says about the view.

function drawFilters(store, filters, changed) {
  const { map, F } = store;
  const fields = [];
  const pick = (label, id, options, get, set) => {
    const field = el("select", { id }, options.map(([value, words]) => el("option", { value, selected: get() === value }, words)));
    field.addEventListener("change", () => { set(field.value); changed(); });
    fields.push(labelled(label, id, field));
  };
  for (const [i, name] of segmentNames(store).entries()) {
    const values = [...new Set([...(Object.hasOwn(map.filters, name) ? map.filters[name] : []), ...F.segments[name].names])].filter(Boolean).sort();
    pick(capital(plainName(name)), `filter-segment-${i}`, [["", "All"], ...values.map((v) => [v, v])], () => filters.segments[name] ?? "", (v) => { filters.segments[name] = v; });
  }
  for (const [name, show] of [["channel", plainName], ["survey", surveyName], ["source", String]]) {
    const values = F[name].names.filter(Boolean).sort();
    if (values.length > 1) pick(capital(name), `filter-${name}`, [["", "All"], ...values.map((v) => [v, show(v)])], () => filters[name], (v) => { filters[name] = v; });
  }
  if (F.score.some((s) => s !== null)) pick("Score", "filter-band", [["", "All"], ...bandNames(store)], () => filters.band, (v) => { filters.band = v; });
  if (map.first_at) fields.push(dateField("From", "filter-from", map, filters, "from", changed), dateField("To", "filter-to", map, filters, "to", changed));
  const search = el("input", { type: "search", id: "filter-text", placeholder: "Words in the answer", value: filters.text });
  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => { filters.text = search.value; changed(); }, 180); });
  fields.push(labelled("Text", "filter-text", search, "wide"));
  const reset = el("button", { type: "button", id: "filter-reset", on: { click: () => { clearTimeout(timer); Object.assign(filters, emptyFilters()); changed({ redraw: true }); } } }, "Clear");
  return [el("div", { class: "filter-row" }, fields, reset)];
}

function labelled(label, id, field, kind = "") {
  return el("div", { class: `field ${kind}` }, el("label", { for: id }, label), field);
}

const segmentNames = (store) => Object.keys(store.F.segments);

// The answers of each band are named where all are of one kind and scale.
function bandNames({ measures }) {
  const [{ survey, score_max: scale } = {}] = measures;
  const one = measures.every((measure) => measure.survey === survey && measure.score_max === scale);
  const ends = one ? bandEnds(measures, survey, scale) : null;
  if (!ends) return [["low", "Low"], ["middle", "Middle"], ["high", "High"]];
  const { bottom, top, low, high } = ends, [under, from] = [Math.floor(low), Math.ceil(high)];
  const answers = { low: [bottom, under], middle: [under + 1, from - 1], high: [from, top] };
  const words = { nps: NPS_BANDS, enps: NPS_BANDS }[survey] ?? { low: "Low", middle: "Middle", high: "High" };
  const range = ([a, b]) => (a === b ? `${a}` : `${a}–${b}`);
  return Object.entries(answers).filter(([, [a, b]]) => a <= b).map(([name, ab]) => [name, survey === "stars" ? `${range(ab)} stars` : `${words[name]} (${range(ab)})`]);
}

const NPS_BANDS = { low: "Detractors", middle: "Passives", high: "Promoters" };

function dateField(label, id, map, filters, key, changed) {
  const field = el("input", { type: "date", id, min: map.first_at.slice(0, 10), max: map.last_at.slice(0, 10), value: filters[key] });
  field.addEventListener("change", () => { filters[key] = field.value; changed(); });
  return labelled(label, id, field);
}

function statusWords(app) {
  const { view, store } = app;
  const travelled = store.M.n < store.nEvidence ? ` (${count(store.M.n)} of the ${count(store.nEvidence)} mentions travel with this page)` : "";
  if (!view.filtered) return "";
  return `Filtered view: computed from ${count(view.n_mentions)} of ${count(store.nEvidence)} mentions${travelled}. Ranked by people × severity, praise at half; impact, rank ranges and trends are not recomputed.${silentWords(store)}`;
}

// Who scored and wrote nothing does not travel, so the score of a view has another base than the whole.
function silentWords(store) {
  const all = scoresOf(store, store.M.id.map((_, i) => i));
  return store.map.scores.map((s) => {
    const heard = all.find((o) => isSame(s, o))?.estimate ?? nothing();
    if (heard.n === s.estimate.n) return "";
    return ` ${scoreName(s)} here is of answers with mentions only: without filters these give ${scoreValue(s.survey, heard.value, s.measure)} (n = ${count(heard.n)}), all answers ${scoreValue(s.survey, s.estimate.value, s.measure)} (n = ${count(s.estimate.n)}).`;
  }).join("");
}
