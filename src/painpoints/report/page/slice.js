// Recounts the map for the answers that pass the filters; the same shape as the engine's map.

function emptyFilters() {
  return { channel: "", survey: "", source: "", from: "", to: "", band: "", text: "", segments: Object.create(null) }; // names of segments are the export's
}

function isFiltered(filters) {
  const { segments, ...rest } = filters;
  return Object.values(rest).some(Boolean) || Object.values(segments).some(Boolean);
}

// Return, for each answer, 1 if it passes.
function passing(store, filters) {
  const { F } = store;
  const kept = new Uint8Array(F.n).fill(1);
  const drop = (test) => { for (let i = 0; i < F.n; i++) if (kept[i] && !test(i)) kept[i] = 0; };
  for (const name of ["channel", "survey", "source"]) {
    if (filters[name]) drop((i) => coded(F[name], i) === filters[name]);
  }
  for (const [name, value] of Object.entries(filters.segments)) {
    if (value && Object.hasOwn(F.segments, name)) drop((i) => coded(F.segments[name], i) === value);
  }
  if (filters.from) drop((i) => F.at[i] !== null && F.at[i].slice(0, 10) >= filters.from);
  if (filters.to) drop((i) => F.at[i] !== null && F.at[i].slice(0, 10) <= filters.to);
  if (filters.band) drop((i) => band(store, i) === filters.band);
  const words = filters.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) {
    drop((i) => { const text = F.verbatim[i].toLowerCase(); return words.every((word) => text.includes(word)); });
  }
  return kept;
}

function keptMentions(store, kept) {
  const rows = [];
  for (let i = 0; i < store.M.n; i++) if (kept[store.M.feedback[i]]) rows.push(i);
  return rows;
}

function recount(store, kept) {
  const { map, M } = store;
  const rows = keptMentions(store, kept);
  const byStage = new Map(map.stages.map((v) => [v.stage.name, []]));
  for (const i of rows) byStage.get(coded(M.stage, i))?.push(i);
  const nPeople = distinctPeople(store, rows);
  return {
    ...map,
    filtered: true,
    n_feedback: new Set(rows.map((i) => M.feedback[i])).size,
    n_people: nPeople,
    n_mentions: rows.length,
    scores: scoresOf(store, rows),
    stages: map.stages.map((v) => recountStage(store, kept, v, byStage.get(v.stage.name), nPeople)),
  };
}

function recountStage(store, kept, view, rows, nAll) {
  const nPeople = distinctPeople(store, rows);
  const small = nPeople < store.minPeople;
  const findings = [...view.pain_points, ...view.opportunities, ...view.listed_apart]
    .map((f) => recountFinding(store, kept, f, nPeople))
    .filter((f) => f.reach > 0);
  const rankable = findings.filter((f) => f.reach >= store.minPeople);
  return {
    ...view,
    n_people: nPeople,
    n_mentions: rows.length,
    share: wilson(nPeople, nAll),
    net_sentiment: netOf(store, rows),
    scores: scoresOf(store, rows),
    pain_points: ranked(rankable.filter((f) => f.kind === "pain_point")),
    opportunities: ranked(rankable.filter((f) => f.kind === "opportunity")),
    listed_apart: findings.filter((f) => f.reach < store.minPeople),
    touchpoints: tallies(store, rows, (i) => coded(store.M.touchpoint, i)),
    channels: tallies(store, rows, (i) => coded(store.F.channel, store.M.feedback[i])),
    change: null,
    small,
  };
}

const GIVEN = 0.5; // what praise counts of its reach, as in the engine: it is given already

function recountFinding(store, kept, finding, nPeople) {
  const rows = (store.members.get(finding.finding_id) ?? []).filter((i) => kept[store.M.feedback[i]]);
  const reach = distinctPeople(store, rows);
  const pain = tellsPain(finding), praised = finding.opportunity === "extend_delight", least = pain ? 1 : 0;
  const severity = rows.length ? rows.reduce((sum, i) => sum + Math.max(least, store.M.severity[i]), 0) / rows.length : 0;
  return {
    ...finding, reach, severity,
    n_mentions: rows.length,
    share: wilson(reach, nPeople),
    impact: null, weight: null, agree: null, trend: null,
    priority: reach * (pain ? severity : praised ? GIVEN : 1),
    priority_formula: pain ? `reach ${reach} x severity ${severity.toFixed(2)}` : praised ? `reach ${reach} x already given ${GIVEN}` : `reach ${reach}`,
    why: "",
    rank: null, rank_low: null, rank_high: null,
  };
}

const tellsPain = (f) => f.opportunity === null || f.opportunity === "remove_pain";

function ranked(findings) {
  const ordered = [...findings].sort((a, b) => b.priority - a.priority || b.reach - a.reach || a.label.localeCompare(b.label));
  return ordered.map((f, i) => ({ ...f, rank: i + 1 }));
}

function distinctPeople(store, rows) {
  const { F, M } = store;
  return new Set(rows.map((i) => F.person[M.feedback[i]])).size;
}

// A person counts once, by the balance of what they said.
function netOf(store, rows) {
  const mood = new Map();
  const sign = { positive: 1, negative: -1 };
  for (const i of rows) {
    const who = store.F.person[store.M.feedback[i]];
    mood.set(who, (mood.get(who) ?? 0) + (sign[coded(store.M.sentiment, i)] ?? 0));
  }
  let up = 0, down = 0;
  for (const m of mood.values()) { if (m > 0) up++; if (m < 0) down++; }
  return netShare(up, down, mood.size);
}

// Every measure that the engine prints, on the answers of these mentions; the most answered first.
function scoresOf(store, rows) {
  const { F, M } = store;
  const given = answersOf(store, rows.map((i) => M.feedback[i]));
  const scored = store.measures.map((measure) => [measure, given.filter((a) => isOnScale(store, measure, a))]);
  return scored.sort(([, a], [, b]) => b.length - a.length).flatMap(([measure, same]) => {
    const estimate = scoreOf(measure, same.map((a) => F.score[a]), same.map((a) => F.person[a]));
    const { survey, name, low, high, convention } = measure;
    return estimate.n ? [{ survey, measure: name, estimate, convention, low, high, small: estimate.n < store.minPeople }] : [];
  });
}

// One feedback of each scored answer: the questions of one row bear one score.
function answersOf({ F }, feedback) {
  const first = new Map();
  for (const a of feedback) if (F.score[a] !== null && !first.has(F.answer[a])) first.set(F.answer[a], a);
  return [...first.values()];
}

const isOnScale = ({ F }, measure, a) => coded(F.survey, a) === measure.survey && coded(F.score_max, a) === measure.score_max;

// Whether a score of the engine is of this measure, or of that of a view: its words tell the scale.
const isSame = (score, ours) => score.survey === ours.survey && score.convention.startsWith(ours.convention);

function tallies(store, rows, nameOf) {
  const groups = new Map();
  for (const i of rows) {
    const name = nameOf(i) ?? "unknown";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(i);
  }
  return [...groups]
    .map(([name, list]) => ({ name, n_mentions: list.length, n_people: distinctPeople(store, list), net_sentiment: netOf(store, list) }))
    .sort((a, b) => b.n_mentions - a.n_mentions || a.name.localeCompare(b.name));
}
