// The evidence: exact quotes, each marked inside the whole of what was said.

const PAGE_SIZE = 12;
const CONTEXT = 240; // characters shown on either side of a mention in a long answer

function describePick(app, pick) {
  const { view } = app;
  if (pick.finding) {
    const finding = allFindings(view).find((f) => f.finding_id === pick.finding) ?? allFindings(app.store.map).find((f) => f.finding_id === pick.finding);
    return finding ? { finding, title: finding.label, stage: stageOf(view, finding.stage) } : null;
  }
  if (pick.set) {
    const set = app.store.sets.get(pick.set);
    return set ? { finding: null, stage: null, title: set.title } : null;
  }
  const stage = stageOf(view, pick.stage);
  if (!stage) return null;
  const parts = [pick.touchpoint, pick.channel, pick.survey && surveyName(pick.survey)].filter(Boolean).map(plainName);
  return { finding: null, title: [stage.stage.title, ...parts].join(" · "), stage };
}

const stageOf = (view, name) => view.stages.find((v) => v.stage.name === name);

// Mentions behind a pick that pass the filters, most telling (findings) or newest (cells) first.
function evidenceOf(app, pick) {
  const { store, kept } = app;
  const { M, F } = store;
  if (pick.set) return (store.sets.get(pick.set)?.members ?? []).filter((i) => kept[M.feedback[i]]);
  if (pick.finding) return (store.members.get(pick.finding) ?? []).filter((i) => kept[M.feedback[i]]);
  const rows = keptMentions(store, kept).filter((i) => coded(M.stage, i) === pick.stage
    && (!pick.touchpoint || coded(M.touchpoint, i) === pick.touchpoint)
    && (!pick.channel || (coded(F.channel, M.feedback[i]) ?? "unknown") === pick.channel)
    && (!pick.survey || (coded(F.survey, M.feedback[i]) === pick.survey && F.score[M.feedback[i]] !== null)));
  return rows.sort((a, b) => (F.at[M.feedback[b]] ?? "").localeCompare(F.at[M.feedback[a]] ?? "") || a - b);
}

function drawPanel(app, pick) {
  const about = describePick(app, pick);
  if (!about) return null;
  const rows = evidenceOf(app, pick);
  const { finding, stage } = about;
  const top = el("header", { class: "panel-top" },
    el("p", { class: "where" }, finding ? el("span", { class: `kind ${finding.opportunity ?? "pain"}` }, kindText(finding)) : null, finding ? ` in ${stage?.stage.title ?? finding.stage}, mostly touchpoint “${plainName(finding.touchpoint)}”` : "Evidence"),
    el("div", { class: "panel-tools" }, copyButton("Copy link", () => location.href), ...neighbours(app, pick), closeButton(app)),
    el("h2", { id: "panel-title", tabindex: "-1", dir: "auto" }, about.title));
  return [top, finding ? findingFacts(app, finding) : stage ? stageFacts(app, stage) : null, ...quotes(app, rows, finding)];
}

function closeButton(app) {
  return el("button", { type: "button", class: "close", "aria-label": "Close the evidence", on: { click: () => app.close() } }, svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: "M2 2 10 10M10 2 2 10" })));
}

function neighbours(app, pick) {
  if (!pick.finding) return [];
  const order = app.view.stages.flatMap((v) => [...v.pain_points, ...v.opportunities]);
  const here = order.findIndex((f) => f.finding_id === pick.finding);
  if (here < 0) return [];
  const step = (words, to) => el("button", { type: "button", disabled: !order[to], on: { click: () => app.open({ finding: order[to].finding_id }) } }, words);
  return [step("Previous", here - 1), step("Next", here + 1)];
}

function copyButton(words, textOf) {
  const button = el("button", { type: "button" }, words);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(textOf())) ? "Copied" : "Not allowed here";
    setTimeout(() => { button.textContent = words; }, 1600);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

function copiedByHand(text) {
  const field = el("textarea", { class: "unseen", readonly: true });
  field.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));

function findingFacts(app, f) {
  const map = app.view;
  const impact = f.impact && f.impact.value !== null;
  return [
    el("dl", { class: "facts" },
      fact(capital(peopleWord(map, f.reach)), el("b", {}, count(f.reach)), el("span", {}, `${shareText(f.share)} of the stage; ${counted(f.n_mentions, "mentions")}`)),
      f.kind === "pain_point" ? fact("Severity", el("b", {}, f.severity.toFixed(1), " ", severityDots(f.severity)), el("span", {}, "1 minor, 2 major, 3 critical")) : null,
      impact ? fact(`Impact on ${surveyName(f.impact_survey)}`, el("b", {}, impactPoints(f, f.impact.value)), el("span", {}, `${impactPoints(f, f.impact.low)} to ${impactPoints(f, f.impact.high)}, leave-out`)) : null,
      f.weight && f.weight.value !== null ? fact("Weight", el("b", {}, percent(f.weight.value)), el("span", {}, `${percent(f.weight.low)} to ${percent(f.weight.high)}, overlap-corrected`)) : null,
      fact("Rank in stage", el("b", {}, f.rank === null ? "not ranked" : `${f.rank}`), el("span", {}, rankNote(f, map))),
      fact("Trend", el("b", {}, trendMark(f.trend, f.kind) ?? plainName(f.trend?.verdict ?? "not tested")), el("span", {}, trendNote(f.trend, map))),
      f.feasibility !== null ? fact("Ease", el("b", {}, `${f.feasibility}`), el("span", {}, "1 hard to 5 easy, from your table")) : null,
      f.owner ? fact("Owner", el("b", {}, f.owner)) : null),
    f.note ? el("p", { class: "why" }, "Note: ", f.note) : null,
    f.agree === false ? el("p", { class: "warning" }, "The two impact numbers point in different directions: what is told here overlaps with another topic. Read the quotes before acting on it.") : null,
    f.why ? el("p", { class: "why" }, capital(f.why), ".") : null,
    el("p", { class: "formula" }, el("b", {}, "Priority: "), f.priority_formula.replaceAll(" x ", " × ")),
  ];
}

function rankNote(f, map) {
  if (f.rank === null) return "too few people";
  if (map.filtered) return "of this view; people × severity, praise at half";
  return f.rank_low === f.rank_high ? "the same in 95 % of resamples" : `${f.rank_low} to ${f.rank_high} in 95 % of resamples`;
}

function trendNote(change, map) {
  if (!change) return "no period to compare with";
  const p = change.p_value === null ? "" : `; p ${change.p_value < 0.001 ? "< 0.001" : `= ${change.p_value.toFixed(3)}`}`;
  if (change.before === null || change.now === null) return `${change.test}${p}`;
  return `${percent(change.before)} → ${percent(change.now)} of ${peopleWord(map, 2)}${p}`;
}

function stageFacts(app, v) {
  return el("dl", { class: "facts" },
    fact(capital(peopleWord(app.view, v.n_people)), el("b", {}, count(v.n_people)), el("span", {}, `${shareText(v.share)} of all; ${counted(v.n_mentions, "mentions")} in the stage`)),
    fact("Net sentiment", el("b", {}, balance(v.net_sentiment.value)), el("span", {}, v.net_sentiment.value === null ? "" : `${balance(v.net_sentiment.low)} to ${balance(v.net_sentiment.high)}`)),
    v.scores.map((s) => fact(scoreName(s), el("b", {}, scoreValue(s.survey, s.estimate.value, s.measure)), el("span", {}, `${scoreValue(s.survey, s.estimate.low, s.measure)} to ${scoreValue(s.survey, s.estimate.high, s.measure)}, n = ${count(s.estimate.n)}`))));
}

const ORDERS = {
  telling: "most telling first", newest: "newest first", severe: "most severe first", lowest: "lowest score first",
};

function quotes(app, rows, finding) {
  const state = { text: "", order: finding ? "telling" : "newest", page: 0 };
  const list = el("ol", { class: "quotes" });
  const said = el("p", { class: "fine", role: "status" });
  const pager = el("nav", { class: "pager", "aria-label": "Pages of quotes" });
  const search = el("input", { type: "search", placeholder: "Search in these quotes", "aria-label": "Search in these quotes" });
  const order = el("select", { "aria-label": "Order of the quotes" }, Object.entries(ORDERS).filter(([key]) => finding || key !== "telling").map(([key, words]) => el("option", { value: key, selected: key === state.order }, words)));
  const fill = () => fillQuotes(app, rows, state, { list, said, pager, fill });
  search.addEventListener("input", () => { state.text = search.value; state.page = 0; fill(); });
  order.addEventListener("change", () => { state.order = order.value; state.page = 0; fill(); });
  fill();
  return [el("div", { class: "quote-tools" }, search, order), said, list, pager];
}

function fillQuotes(app, rows, state, { list, said, pager, fill }) {
  const found = orderQuotes(app.store, searchQuotes(app.store, rows, state.text), state.order);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const first = state.page * PAGE_SIZE;
  list.start = first + 1;
  list.replaceChildren(...found.slice(first, first + PAGE_SIZE).map((i) => el("li", {}, drawQuote(app.store, i, state.text))));
  said.textContent = found.length ? `Quotes ${first + 1} to ${Math.min(found.length, first + PAGE_SIZE)} of ${count(found.length)}` : state.text ? "No quote has these words." : noQuotes(app);
  const turn = (words, by) => el("button", { type: "button", disabled: state.page + by < 0 || state.page + by >= pages, on: { click: () => { state.page += by; fill(); list.scrollIntoView({ block: "start" }); } } }, words);
  pager.replaceChildren(...(pages > 1 ? [turn("Earlier", -1), el("span", {}, `${state.page + 1} of ${pages}`), turn("Later", 1)] : []));
}

function noQuotes(app) {
  return app.view.filtered ? "No mention of it passes the filters." : "None of its mentions travels with this page.";
}

function searchQuotes(store, rows, text) {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return rows;
  return rows.filter((i) => { const said = store.F.verbatim[store.M.feedback[i]].toLowerCase(); return words.every((word) => said.includes(word)); });
}

function orderQuotes(store, rows, order) {
  const { F, M } = store;
  const at = (i) => F.at[M.feedback[i]] ?? "";
  const score = (i) => F.score[M.feedback[i]] ?? Infinity;
  const compare = { newest: (a, b) => at(b).localeCompare(at(a)), severe: (a, b) => M.severity[b] - M.severity[a], lowest: (a, b) => score(a) - score(b) || 0 }[order];
  return compare ? [...rows].sort((a, b) => compare(a, b) || a - b) : rows;
}

function drawQuote(store, i) {
  const { F, M } = store, a = M.feedback[i];
  const survey = coded(F.survey, a), question = coded(F.question, a), channel = coded(F.channel, a);
  const chips = Object.entries(F.segments).map(([name, column]) => [name, coded(column, a)]).filter(([, value]) => value);
  return el("figure", { class: `quote ${coded(M.sentiment, i)}` },
    question ? el("p", { class: "question", dir: "auto" }, question) : null,
    quoteText(F.verbatim[a], M.start[i], M.end[i]),
    el("figcaption", {},
      el("span", { class: "said" }, [dateText(F.at[a]), channel && plainName(channel), F.score[a] !== null && survey !== "none" ? `${surveyName(survey)} ${F.score[a]}` : null, ...chips.map(([name, value]) => `${plainName(name)}: ${value}`)].filter(Boolean).join(" · ")),
      el("span", { class: "read" }, readLabels(M, i)),
      el("span", { class: "origin" }, `${coded(F.source, a)} · ${mentionId(store, i)}`)));
}

function readLabels(M, i) {
  const source = coded(M.stage_source, i) === "metadata" ? " (from the export)" : "";
  const labels = [["stage", `${plainName(coded(M.stage, i))}${source}`], ["touchpoint", plainName(coded(M.touchpoint, i))], ["", coded(M.sentiment, i)], ["", plainName(coded(M.type, i))], ["severity", M.severity[i] || ""]];
  return labels.filter(([, label]) => label).map(([name, label]) => el("span", { class: "chip" }, name ? el("small", {}, `${name} `) : null, label));
}

function quoteText(verbatim, start, end) {
  const from = verbatim.length > 700 ? wordStart(verbatim, start - CONTEXT) : 0;
  const to = verbatim.length > 700 ? wordEnd(verbatim, end + CONTEXT) : verbatim.length;
  const text = el("blockquote", { dir: "auto" });
  const fill = (a, b) => text.replaceChildren(a > 0 ? "… " : "", verbatim.slice(a, start), el("mark", {}, verbatim.slice(start, end)), verbatim.slice(end, b), b < verbatim.length ? " …" : "");
  fill(from, to);
  if (from === 0 && to === verbatim.length) return text;
  const whole = el("button", { type: "button", class: "link" }, "Show the whole answer");
  whole.addEventListener("click", () => { fill(0, verbatim.length); whole.remove(); });
  return [text, whole];
}

function wordStart(text, i) {
  if (i <= 0) return 0;
  const space = text.indexOf(" ", i);
  return space < 0 ? i : space + 1;
}

function wordEnd(text, i) {
  if (i >= text.length) return text.length;
  const space = text.lastIndexOf(" ", i);
  return space <= 0 ? i : space;
}
