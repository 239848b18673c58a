// Sortable tables: the same numbers as the figures, for reading, sorting and screen readers.

// Rows that a long table shows before it is asked for all of them.
const SHOWN_ROWS = 25;

// columns: {title, value(row) to sort by, cell(row) to show, number}
function sortableTable(caption, columns, rows, start = null) {
  const state = start ?? { by: null, down: false };
  const body = el("tbody");
  const rest = el("button", { type: "button", class: "more" }, `Show all ${count(rows.length)}`);
  let shown = rows.length > SHOWN_ROWS ? SHOWN_ROWS : rows.length;
  rest.hidden = shown === rows.length;
  rest.addEventListener("click", () => {
    shown = rows.length;
    rest.hidden = true;
    fill();
    body.rows[SHOWN_ROWS].querySelector("button")?.focus();
  });
  const heads = columns.map((column, i) => {
    const button = el("button", { type: "button" }, column.title, el("span", { class: "sort", "aria-hidden": "true" }));
    const head = el("th", { scope: "col", class: column.number ? "number" : null, title: column.note ?? null }, button);
    button.addEventListener("click", () => {
      state.down = state.by === i ? !state.down : Boolean(column.number);
      state.by = i;
      fill();
    });
    return head;
  });
  const fill = () => {
    heads.forEach((head, i) => (state.by === i ? head.setAttribute("aria-sort", state.down ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    body.replaceChildren(...sorted(rows, columns[state.by], state.down).slice(0, shown).map((row) => tableRow(columns, row)));
  };
  fill();
  return el("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body), rest);
}

function tableRow(columns, row) {
  return el("tr", {}, columns.map((column, i) => el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: column.number ? "number" : null }, column.cell(row))));
}

function sorted(rows, column, down) {
  if (!column) return rows;
  const compare = (a, b) => {
    const x = column.value(a), y = column.value(b);
    if (x === null || x === undefined) return 1;
    if (y === null || y === undefined) return -1;
    const order = typeof x === "string" ? x.localeCompare(y) : x - y;
    return down ? -order : order;
  };
  return [...rows].sort(compare);
}

function stageTable(view, open) {
  const columns = [
    { title: "Stage", value: (v) => view.stages.indexOf(v), cell: (v) => linkTo(v.stage.title, () => open({ stage: v.stage.name })) },
    { title: capital(peopleWord(view, 2)), number: true, value: (v) => v.n_people, cell: (v) => count(v.n_people) },
    { title: "Share", number: true, value: (v) => v.share.value, cell: (v) => shareText(v.share) },
    { title: "Mentions", number: true, value: (v) => v.n_mentions, cell: (v) => count(v.n_mentions) },
    { title: "Net sentiment", number: true, value: (v) => v.net_sentiment.value, cell: (v) => netText(v.net_sentiment) },
    ...scoreColumns(view),
    { title: "Pain points", number: true, value: (v) => v.pain_points.length, cell: (v) => count(v.pain_points.length) },
    { title: "Opportunities", number: true, value: (v) => v.opportunities.length, cell: (v) => count(v.opportunities.length) },
    { title: "Too few to rank", number: true, value: (v) => v.listed_apart.length, cell: (v) => count(v.listed_apart.length) },
    { title: "Change", value: (v) => v.change?.verdict ?? "", cell: (v) => (v.change ? trendWords(v.change) : NONE) },
  ];
  return sortableTable("Stages of the journey", columns, view.stages);
}

function scoreColumns(view) {
  const kinds = new Map(view.stages.flatMap((v) => v.scores.map((s) => [scoreName(s), s])));
  return [...kinds].map(([name, { survey, measure }]) => {
    const of = (v) => v.scores.find((s) => s.survey === survey && s.measure === measure)?.estimate ?? nothing();
    const words = (e) => (e.value === null ? NONE : `${scoreValue(survey, e.value, measure)} (${scoreValue(survey, e.low, measure)} to ${scoreValue(survey, e.high, measure)}), n ${count(e.n)}`);
    return { title: name, number: true, value: (v) => of(v).value, cell: (v) => words(of(v)) };
  });
}

function tallyTable(caption, name, view, of, open) {
  const rows = view.stages.flatMap((v, i) => of(v).map((t) => ({ ...t, v, i })));
  const columns = [
    { title: "Stage", value: (r) => r.i, cell: (r) => r.v.stage.title },
    { title: capital(name), value: (r) => plainName(r.name), cell: (r) => linkTo(plainName(r.name), () => open({ stage: r.v.stage.name, [name]: r.name })) },
    { title: capital(peopleWord(view, 2)), number: true, value: (r) => r.n_people, cell: (r) => count(r.n_people) },
    { title: "Mentions", number: true, value: (r) => r.n_mentions, cell: (r) => count(r.n_mentions) },
    { title: "Net sentiment", number: true, value: (r) => r.net_sentiment.value, cell: (r) => netText(r.net_sentiment) },
  ];
  return sortableTable(caption, columns, rows);
}

function findingsTable(view, findings, caption, open) {
  const stage = new Map(view.stages.map((v, i) => [v.stage.name, { title: v.stage.title, i }]));
  const impact = findings.some((f) => f.impact && f.impact.value !== null);
  const columns = [
    { title: "Finding", value: (f) => f.label, cell: (f) => linkTo(f.label, () => open({ finding: f.finding_id })) },
    { title: "Stage", value: (f) => stage.get(f.stage)?.i ?? 99, cell: (f) => stage.get(f.stage)?.title ?? f.stage },
    ...(findings.some((f) => f.opportunity) ? [{ title: "Kind", value: kindText, cell: (f) => el("span", { class: `kind ${f.opportunity ?? "pain"}` }, kindText(f)) }] : []),
    { title: "Rank in stage", number: true, value: (f) => f.rank, cell: rankText, note: "with the range it has in 95 % of the bootstrap samples" },
    { title: capital(peopleWord(view, 2)), number: true, value: (f) => f.reach, cell: (f) => count(f.reach) },
    { title: "Share of stage", number: true, value: (f) => f.share.value, cell: (f) => shareText(f.share) },
    { title: "Severity", number: true, value: (f) => f.severity, cell: (f) => (f.kind === "pain_point" || f.severity ? f.severity.toFixed(1) : NONE) },
    ...(impact ? [{ title: `Impact on ${surveyName(findings.find((f) => f.impact).impact_survey)}`, number: true, value: (f) => f.impact?.value ?? null, cell: impactText }] : []),
    { title: "Priority", number: true, value: (f) => f.priority, cell: (f) => el("span", { title: f.priority_formula }, count(f.priority)) },
    { title: "Trend", value: (f) => f.trend?.verdict ?? "", cell: (f) => (f.trend ? trendWords(f.trend) : NONE) },
  ];
  return sortableTable(caption, columns, findings, { by: columns.findIndex((c) => c.title === "Priority"), down: true });
}

const kindText = (f) => (f.kind === "pain_point" ? "Pain point" : OPPORTUNITIES[f.opportunity] ?? "Opportunity");

function linkTo(words, run) {
  return el("button", { type: "button", class: "link", on: { click: run } }, el("bdi", {}, words));
}
