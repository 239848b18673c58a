// The journey map: one article per stage, its lanes lined up with its neighbours' by the style sheet.

const LANES = [
  ["head", ""],
  ["about", ""],
  ["mood", "Emotion"],
  ["voices", ""],
  ["score", "Score"],
  ["change", "Change"],
  ["pains", "Pain points"],
  ["opps", "Opportunities"],
  ["touch", "Touchpoints"],
  ["chan", "Channels"],
];
const LANE_NOTES = {
  mood: "net sentiment, with its 95 % interval",
  voices: "share of all, and mentions",
  score: "of those who speak of the stage",
  change: "against the period before",
  pains: "ranked within the stage",
  opps: "ranked within the stage",
  touch: "mentions; colour: sentiment",
  chan: "mentions; colour: sentiment",
};

// Lanes of the two printed pages: what hurts, then where to win and where it was told.
const PRINTED = [
  ["head", "mood", "voices", "score", "change", "pains"],
  ["head", "opps", "touch", "chan"],
];

function drawMap(view, open, top, only = null) {
  const lanes = LANES.filter(([lane]) => laneHasContent(view, lane) && (!only || only.includes(lane)))
    .map(([lane, title]) => [lane, lane === "voices" ? capital(peopleWord(view, 2)) : title]);
  const grid = el("div", { class: "map", at: { "--stages": view.stages.length, "--lanes": lanes.length } });
  lanes.forEach(([lane, title], i) => grid.append(laneLabel(lane, title, i)));
  const row = lanes.findIndex(([lane]) => lane === "mood") + 1;
  if (row) {
    const figure = emotionFigure(view, open);
    figure.style.setProperty("--row", row);
    grid.append(figure);
  }
  const context = mapContext(view, open, top);
  grid.append(...view.stages.map((v, i) => stageColumn(v, i, lanes, context)));
  return grid;
}

function laneHasContent(view, lane) {
  if (lane === "about") return view.stages.some((v) => v.stage.description);
  if (lane === "score") return view.stages.some((v) => v.scores.length);
  if (lane === "change") return view.stages.some((v) => v.change);
  if (lane === "chan") return view.stages.some((v) => v.channels.some((t) => t.name && t.name !== "unknown"));
  return true;
}

function laneLabel(lane, title, i) {
  return el("div", { class: `lane-label lane-${lane}`, at: { "--row": i + 1 }, "aria-hidden": "true" },
    el("b", {}, title), LANE_NOTES[lane] ? el("span", {}, LANE_NOTES[lane]) : null);
}

function mapContext(view, open, top) {
  const estimates = view.stages.flatMap((v) => v.scores.slice(0, 1).map((s) => s.estimate)).filter((e) => e.value !== null);
  const low = Math.min(...estimates.map((e) => e.low ?? e.value)), high = Math.max(...estimates.map((e) => e.high ?? e.value));
  const pad = Math.max((high - low) * 0.06, 0.01);
  return {
    map: view, open, top,
    mostPeople: Math.max(1, ...view.stages.map((v) => v.n_people)),
    mostMentions: Math.max(1, ...view.stages.flatMap((v) => v.touchpoints.map((t) => t.n_mentions))),
    mostChannel: Math.max(1, ...view.stages.flatMap((v) => v.channels.map((t) => t.n_mentions))),
    scoreDomain: [low - pad, high + pad],
  };
}

function stageColumn(v, i, lanes, context) {
  const cells = { head: headCell, about: aboutCell, mood: moodCell, voices: voicesCell, score: scoreCell, change: changeCell, pains: painsCell, opps: oppsCell, touch: touchCell, chan: chanCell };
  const heading = `stage-${i}`;
  return el("article", { class: `stage${v.small ? " small" : ""}${v.n_mentions ? "" : " silent"}`, at: { "--column": i + 2 }, "aria-labelledby": heading, "data-stage": v.stage.name },
    lanes.map(([lane, title]) => el("div", { class: `cell lane-${lane}` }, !title ? null : el("h4", { class: "lane-name" }, title), cells[lane](v, context, i))));
}

function headCell(v, context, i) {
  const label = el("button", { type: "button", class: "stage-open", title: v.stage.description || null, on: { click: () => context.open({ stage: v.stage.name }) } }, v.stage.title, hidden(": show all its evidence"));
  const fold = el("button", { type: "button", class: "fold", "aria-expanded": "false", "aria-label": `${v.stage.title}: show the details` }, svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: "M2 4.5 6 8.5 10 4.5" })));
  fold.addEventListener("click", () => toggleStage(fold.closest("article")));
  return [
    el("span", { class: "ordinal", "aria-hidden": "true" }, `${i + 1}`),
    el("h3", { id: `stage-${i}` }, label),
    el("p", { class: "brief" }, `${count(v.n_people)} ${peopleWord(context.map, v.n_people)}`, moodPill(v)),
    fold,
  ];
}

const aboutCell = (v) => el("p", { class: "about" }, v.stage.description);

function toggleStage(article, open = !article.classList.contains("open")) {
  article.classList.toggle("open", open);
  article.querySelector(".fold").setAttribute("aria-expanded", String(open));
}

function moodPill(v) {
  if (v.net_sentiment.value === null) return null;
  return v.small ? el("span", { class: "pill" }, "too few") : el("span", { class: `pill ${tone(v.net_sentiment)}` }, balance(v.net_sentiment.value));
}

function moodCell(v) {
  return el("p", { class: "mood-words" }, v.net_sentiment.value === null ? "nobody speaks of it" : netText(v.net_sentiment));
}

function voicesCell(v, context) {
  return el("button", { type: "button", class: "cell-button", on: { click: () => context.open({ stage: v.stage.name }) } },
    el("span", { class: "big" }, count(v.n_people)), el("span", { class: "unit" }, ` ${peopleWord(context.map, v.n_people)}`),
    bar(v.n_people / context.mostPeople, v.n_people ? "ink" : "nil"),
    el("span", { class: "fine" }, `${percent(v.share.value)} · ${counted(v.n_mentions, "mentions")}`));
}

function scoreCell(v, context) {
  if (!v.scores.length) return el("p", { class: "fine" }, "no scores");
  const firsts = v.scores.filter((s, i) => v.scores.findIndex((o) => o.survey === s.survey) === i);
  return firsts.map((s, i) => {
    const e = s.estimate;
    if (e.value === null) return el("p", { class: "fine" }, "no scores");
    const words = `${scoreName(s)} ${scoreValue(s.survey, e.value, s.measure)} (${scoreValue(s.survey, e.low, s.measure)} to ${scoreValue(s.survey, e.high, s.measure)}), n = ${count(e.n)}`;
    return el("button", { type: "button", class: `cell-button${s.small ? " few" : ""}`, title: s.convention, "aria-label": `${words}. Show the evidence`, on: { click: () => context.open({ stage: v.stage.name, survey: s.survey }) } },
      el("span", { class: "big" }, scoreValue(s.survey, e.value, s.measure)), el("span", { class: "unit" }, ` ${surveyName(s.survey)}`),
      i === 0 ? rangeMark(e, context.scoreDomain, "score") : null,
      i === 0 && v.target !== null && v.target !== undefined ? el("span", { class: "fine" }, `target ${scoreValue(s.survey, v.target, s.measure)}, gap ${points(e.value - v.target, s.survey, s.measure)}`) : null,
      el("span", { class: "fine" }, `${scoreValue(s.survey, e.low, s.measure)} to ${scoreValue(s.survey, e.high, s.measure)} · n ${count(e.n)}`));
  });
}

function changeCell(v) {
  const c = v.change;
  if (!c) return el("p", { class: "fine" }, NONE);
  if (c.before === null || c.now === null || c.verdict === "too_few") return el("p", { class: "fine" }, plainName(c.verdict));
  const p = c.p_value === null ? "" : ` · p ${c.p_value < 0.001 ? "< 0.001" : c.p_value.toFixed(c.p_value < 0.1 ? 3 : 2)}`;
  return el("p", { class: "change", title: `${c.test}${p}` }, el("span", { class: "was" }, changeValue(c.what, c.before, c.measure)), " → ", el("b", {}, changeValue(c.what, c.now, c.measure)), el("span", { class: "unit" }, ` ${changeName(c.what)}`), el("br"), trendMark(c, "stage"), el("span", { class: "fine" }, p));
}

function painsCell(v, context) {
  return findingList(v, v.pain_points, "pain point", context);
}

function oppsCell(v, context) {
  return findingList(v, v.opportunities, "opportunity", context);
}

function findingList(v, findings, word, context) {
  const apart = v.listed_apart.filter((f) => (f.kind === "pain_point") === (word === "pain point"));
  const notes = apart.length ? el("p", { class: "fine apart" }, `${apart.length === 1 ? "1 more is" : `${apart.length} more are`} told by too few to rank`) : null;
  if (!findings.length) return [el("p", { class: "fine" }, v.small && v.n_mentions ? `too few to rank (n = ${v.n_people})` : apart.length ? "none to rank" : "none found"), v.small ? null : notes];
  const items = findings.map((f, i) => el("li", { class: i >= context.top ? "beyond" : null }, findingCard(f, context)));
  const list = el("ol", { class: "cards" }, items);
  if (findings.length <= context.top) return [list, notes];
  const more = el("button", { type: "button", class: "more", "aria-expanded": "false" }, `${findings.length - context.top} more`);
  more.addEventListener("click", () => {
    const shown = list.classList.toggle("all");
    more.setAttribute("aria-expanded", String(shown));
    more.textContent = shown ? "fewer" : `${findings.length - context.top} more`;
  });
  return [list, more, notes];
}

function findingCard(f, context) {
  const pain = f.kind === "pain_point";
  return el("button", { type: "button", class: `card ${pain ? "pain" : "opp"}`, "data-finding": f.finding_id, on: { click: () => context.open({ finding: f.finding_id }) } },
    pain ? null : el("span", { class: `kind ${f.opportunity}` }, OPPORTUNITIES[f.opportunity] ?? "Opportunity"),
    el("span", { class: "label", title: f.label }, el("span", { class: "rank" }, f.rank === null ? "·" : `${f.rank}`), el("bdi", {}, f.label)),
    bar(f.share.value ?? 0, pain ? "negative" : f.opportunity === "extend_delight" ? "positive" : "wish"),
    el("span", { class: "meta" }, el("span", {}, el("b", {}, count(f.reach)), ` ${peopleWord(context.map, f.reach)}, ${percent(f.share.value)}`)),
    el("span", { class: "meta" },
      pain ? severityDots(f.severity) : null,
      f.impact && f.impact.value !== null ? el("span", { class: "impact" }, `${impactPoints(f, f.impact.value)} ${surveyName(f.impact_survey)}`) : null),
    el("span", { class: "meta" },
      f.trend?.verdict === "unchanged" ? null : trendMark(f.trend, f.kind),
      f.rank_low !== null && f.rank_low !== f.rank_high ? el("span", { class: "spread", title: "range of the rank" }, `rank ${f.rank_low}–${f.rank_high}`) : null));
}

function tallyList(map, list, most, pick) {
  const shown = 5;
  const known = list.filter((t) => t.n_mentions);
  if (!known.length) return el("p", { class: "fine" }, NONE);
  const line = (t, i) => el("li", { class: i >= shown ? "beyond" : null },
    el("button", { type: "button", class: "tally", title: `${plainName(t.name)}: ${counted(t.n_mentions, "mentions")}, ${count(t.n_people)} ${peopleWord(map, t.n_people)}, net sentiment ${netText(t.net_sentiment)}`, on: { click: () => pick(t) } },
      el("span", { class: "tally-name" }, el("bdi", {}, plainName(t.name))), el("span", { class: "tally-n" }, count(t.n_mentions)),
      bar(t.n_mentions / most, tone(t.net_sentiment)), hidden(`, net sentiment ${balance(t.net_sentiment.value)}`)));
  const items = el("ul", { class: "tallies" }, known.map(line));
  if (known.length <= shown) return items;
  const more = el("button", { type: "button", class: "more", "aria-expanded": "false" }, `${known.length - shown} more`);
  more.addEventListener("click", () => {
    const all = items.classList.toggle("all");
    more.setAttribute("aria-expanded", String(all));
    more.textContent = all ? "fewer" : `${known.length - shown} more`;
  });
  return [items, more];
}

const touchCell = (v, c) => tallyList(c.map, v.touchpoints, c.mostMentions, (t) => c.open({ stage: v.stage.name, touchpoint: t.name }));
const chanCell = (v, c) => tallyList(c.map, v.channels, c.mostChannel, (t) => c.open({ stage: v.stage.name, channel: t.name }));

function drawLegend(view) {
  const key = (kind, words) => el("span", {}, el("i", { class: `swatch ${kind}` }), words);
  return [
    key("negative", "clearly negative"), key("positive", "clearly positive"), key("open", "neither: the interval holds zero"),
    key("band-key", "95 % interval"), el("span", {}, severityDots(2), " severity: 1 minor, 2 major, 3 critical"),
  ];
}
