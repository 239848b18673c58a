// Starts the page: one state (filters, the open pick), kept in the address so that it can be shared.

function start() {
  const store = unpack(document.getElementById("data").textContent);
  const app = { store, filters: emptyFilters(), pick: null, kept: null, view: null };
  app.open = (pick) => { app.pick = pick; remember(app); showPanel(app); };
  app.close = () => document.getElementById("panel").close();
  readAddress(app);
  bindTools();
  bindPanel(app);
  drawFilterBar(app);
  refresh(app);
  keepBarHeight();
  if (app.pick) showPanel(app);
  addEventListener("hashchange", () => followAddress(app));
  bindPrint(app);
}

function drawFilterBar(app) {
  const place = document.getElementById("filters");
  place.hidden = app.store.M.n === 0;
  place.replaceChildren(...drawFilters(app.store, app.filters, (how) => {
    if (how?.redraw) drawFilterBar(app);
    refresh(app);
    remember(app);
  }));
}

// The names of the stages stick below the filter bar, however many rows it has.
function keepBarHeight() {
  const bar = document.getElementById("filters");
  const keep = () => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
  new ResizeObserver(keep).observe(bar);
  keep();
}

function refresh(app) {
  const { store, filters } = app;
  app.kept = passing(store, filters);
  app.view = isFiltered(filters) ? recount(store, app.kept) : { ...store.map, filtered: false };
  document.body.classList.toggle("filtered", app.view.filtered);
  document.body.classList.toggle("fits", app.view.stages.length <= 8);
  document.getElementById("status").textContent = statusWords(app);
  drawLead(app);
  drawViews(app);
}

let engineLead = null;

function drawLead(app) {
  const places = ["claim", "support", "figures"].map((id) => document.getElementById(id));
  engineLead ??= places.map((place) => [...place.childNodes]);
  const changes = document.getElementById("changes"); // the whole map's: a slice is not tested against the period before
  if (changes) changes.hidden = app.view.filtered;
  if (!app.view.filtered) {
    places.forEach((place, i) => place.replaceChildren(...engineLead[i]));
  } else {
    const [claim, support] = filteredLead(app.view);
    places[0].replaceChildren(claim);
    places[1].replaceChildren(support);
    places[2].replaceChildren(...filteredFigures(app.view));
  }
  drawClaimLink(app);
}

function topPain(view) {
  return view.stages.flatMap((v) => v.pain_points.map((f) => ({ v, f }))).filter(({ f }) => f.rank !== null).sort((a, b) => b.f.priority - a.f.priority || b.f.reach - a.f.reach)[0];
}

function filteredLead(view) {
  const top = topPain(view);
  if (!view.n_mentions) return ["No answer passes these filters.", "Clear one of them to see the map again."];
  if (!top) return ["Nothing can be ranked in this view: no pain point is told by enough people.", ""];
  const { v, f } = top;
  return [`What hurts most here: ${f.label}, in ${v.stage.title}.`, `${count(f.reach)} of ${count(v.n_people)} ${peopleWord(view, v.n_people)} in this view ${who(view)} speak of ${v.stage.title} tell of it (${percent(f.share.value)}, 95 % interval ${percent(f.share.low)} to ${percent(f.share.high)}).`];
}

function filteredFigures(view) {
  const figure = (name, value, note) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b", {}, value), note ? el("span", {}, ` ${note}`) : null));
  return [
    figure("Answers", count(view.n_feedback)), ...(view.people_known ? [figure("People", count(view.n_people))] : []), figure("Mentions", count(view.n_mentions)),
    ...view.scores.map((s) => figure(scoreName(s), scoreValue(s.survey, s.estimate.value, s.measure), `${scoreValue(s.survey, s.estimate.low, s.measure)} to ${scoreValue(s.survey, s.estimate.high, s.measure)}, n = ${count(s.estimate.n)}`)),
  ];
}

function drawClaimLink(app) {
  const top = topPain(app.view);
  document.getElementById("claim-more").replaceChildren(...(top ? [linkTo("Read what they say", () => app.open({ finding: top.f.finding_id }))] : []));
}

function drawViews(app) {
  const { view, open } = app;
  const show = (id, ...children) => document.getElementById(id).replaceChildren(...children);
  const unfolded = [...document.querySelectorAll("article.stage.open")].map((node) => node.dataset.stage);
  show("map-view", drawMap(view, open, app.store.top));
  unfold(view, unfolded);
  show("table-view", stageTable(view, open), tallyTable("Touchpoints by stage", "touchpoint", view, (v) => v.touchpoints, open), tallyTable("Channels by stage", "channel", view, (v) => v.channels, open));
  show("legend", ...drawLegend(view));
  drawFindings(app);
  drawSections(app);
  const apart = view.stages.flatMap((v) => v.listed_apart);
  document.getElementById("apart").hidden = apart.length === 0;
  if (apart.length) show("apart-view", el("p", { class: "fine" }, `Fewer people than the minimum (${app.store.minPeople}) tell of these. They are named, not ranked.`), apartTable(view, apart, open));
}

// On a phone the stages are folded; the one that hurts most starts open.
function unfold(view, before) {
  const worst = topPain(view)?.v.stage.name;
  const names = before.length ? before : [worst];
  for (const node of document.querySelectorAll("article.stage")) if (names.includes(node.dataset.stage)) toggleStage(node, true);
}

let findingKind = "pain_point";

function drawFindings(app) {
  const { view, open } = app;
  const all = view.stages.flatMap((v) => [...v.pain_points, ...v.opportunities]);
  const kinds = { pain_point: "Pain points", opportunity: "Opportunities" };
  const nothing = { pain_point: "None is told by enough people to be ranked.", opportunity: "None surely lifts the score or is asked for by enough people." };
  document.getElementById("findings-switch").replaceChildren(...Object.entries(kinds).map(([kind, words]) => el("button", { type: "button", "aria-pressed": String(kind === findingKind), on: { click: () => { findingKind = kind; drawFindings(app); } } }, `${words} (${all.filter((f) => f.kind === kind).length})`)));
  const shown = all.filter((f) => f.kind === findingKind);
  document.getElementById("findings-view").replaceChildren(shown.length ? findingsTable(view, shown, `${kinds[findingKind]} of the whole journey`, open) : el("p", { class: "fine" }, nothing[findingKind]));
}

// On paper both kinds stand below each other.
function printFindings(app) {
  const tables = ["opportunity", "pain_point"].map((kind) => {
    findingKind = kind;
    drawFindings(app);
    return [...document.getElementById("findings-view").childNodes];
  });
  document.getElementById("findings-view").replaceChildren(...tables.reverse().flat());
}

function apartTable(view, findings, open) {
  const title = new Map(view.stages.map((v) => [v.stage.name, v.stage.title]));
  return sortableTable("Told by too few people to rank", [
    { title: "Finding", value: (f) => f.label, cell: (f) => linkTo(f.label, () => open({ finding: f.finding_id })) },
    { title: "Stage", value: (f) => title.get(f.stage), cell: (f) => title.get(f.stage) ?? f.stage },
    { title: "Kind", value: kindText, cell: kindText },
    { title: capital(peopleWord(view, 2)), number: true, value: (f) => f.reach, cell: (f) => count(f.reach) },
  ], findings, { by: 3, down: true });
}

function showPanel(app) {
  const panel = document.getElementById("panel");
  const content = app.pick ? drawPanel(app, app.pick) : null;
  if (!content) return;
  panel.replaceChildren(...content.flat(Infinity).filter(Boolean));
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
  document.getElementById("panel-title").focus({ preventScroll: true });
}

function bindPanel(app) {
  const panel = document.getElementById("panel");
  panel.addEventListener("close", () => { app.pick = null; remember(app); });
  panel.addEventListener("click", (event) => { if (event.target === panel && event.clientX < panel.getBoundingClientRect().left) panel.close(); });
}

function bindTools() {
  const root = document.documentElement, button = document.getElementById("theme");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const say = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-pressed", String(dark())); };
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
  say();
  document.getElementById("print").addEventListener("click", () => print());
  const [map, table] = ["as-map", "as-table"].map((id) => document.getElementById(id));
  const show = (asTable) => {
    document.getElementById("map-view").hidden = asTable;
    document.getElementById("legend").hidden = asTable;
    document.getElementById("table-view").hidden = !asTable;
    map.setAttribute("aria-pressed", String(!asTable));
    table.setAttribute("aria-pressed", String(asTable));
  };
  map.addEventListener("click", () => show(false));
  table.addEventListener("click", () => show(true));
}

const PRINTED_TOP = 3;

// Printing closes the panel; with quotes, the first few of each ranked finding are appended.
function bindPrint(app) {
  const place = document.getElementById("appendix");
  addEventListener("beforeprint", () => {
    if (document.getElementById("panel").open) app.close();
    document.getElementById("map-print").replaceChildren(...PRINTED.map((lanes) => drawMap(app.view, app.open, PRINTED_TOP, lanes)));
    printFindings(app);
    place.hidden = !document.getElementById("with-quotes").checked;
    document.getElementById("appendix-view").replaceChildren(...(place.hidden ? [] : appendix(app)));
  });
  addEventListener("afterprint", () => {
    place.hidden = true;
    document.getElementById("map-print").replaceChildren();
    drawFindings(app);
  });
}

function appendix(app) {
  return app.view.stages.flatMap((v) => [...v.pain_points, ...v.opportunities].map((f) => el("section", { class: "appended" },
    el("h3", { dir: "auto" }, f.label), el("p", { class: "fine" }, `${kindText(f)} in ${v.stage.title}, rank ${rankText(f)}`),
    evidenceOf(app, { finding: f.finding_id }).slice(0, 3).map((i) => drawQuote(app.store, i)))));
}

function remember(app) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(app.pick ?? {})) if (value) words.set(key, value);
  const { segments, ...rest } = app.filters;
  for (const [key, value] of Object.entries(rest)) if (value) words.set(`f.${key}`, value);
  for (const [key, value] of Object.entries(segments)) if (value) words.set(`s.${key}`, value);
  const hash = words.toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

function readAddress(app) {
  const words = new URLSearchParams(location.hash.slice(1));
  const filters = emptyFilters(), pick = {};
  for (const [key, value] of words) {
    if (key.startsWith("f.") && key.slice(2) in filters && key !== "f.segments") filters[key.slice(2)] = value;
    else if (key.startsWith("s.") && Object.hasOwn(app.store.F.segments, key.slice(2))) filters.segments[key.slice(2)] = value;
    else if (["finding", "set", "stage", "touchpoint", "channel", "survey"].includes(key)) pick[key] = value;
  }
  app.filters = filters;
  app.pick = pick.finding || pick.set || pick.stage ? pick : null;
}

function followAddress(app) {
  readAddress(app);
  drawFilterBar(app);
  refresh(app);
  if (app.pick) showPanel(app);
  else app.close();
}

start();
