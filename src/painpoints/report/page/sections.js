// What stands below the map: sections of plain data, each a sentence, a figure if there is one,
// tables whose rows open their evidence, and notes. They rest on the whole analysis.

const FIGURES = {};

function drawSections(app) {
  const place = document.getElementById("more");
  place.replaceChildren(...app.store.sections.map((section) => drawSection(app, section)));
}

function drawSection(app, section) {
  const figure = section.figure ? FIGURES[section.figure.kind]?.(app, section) : null;
  const heading = `${section.name}-title`;
  return el("section", { id: section.name, class: "more-section", "aria-labelledby": heading },
    el("h2", { id: heading }, section.title),
    el("p", { class: "lead-line", dir: "auto" }, section.lead),
    app.view.filtered ? el("p", { class: "fine" }, "Of the whole analysis: the filters above do not change it.") : null,
    figure,
    section.tables.filter((table) => table.rows.length).map((table, i) => (i === 0 ? sectionTable(app, table) : folded(table.caption, sectionTable(app, table)))),
    section.notes.map((note) => el("p", { class: "fine", dir: "auto" }, note)));
}

const folded = (words, content) => el("details", {}, el("summary", {}, words), content);

function sectionTable(app, table) {
  const columns = table.columns.map((column, i) => ({
    title: column.title,
    number: column.look !== "text",
    value: (row) => row.cells[i].value,
    cell: (row) => (i === 0 && row.key && app.store.sets.has(row.key) ? linkTo(row.cells[0].text, () => app.open({ set: row.key })) : row.cells[i].text),
  }));
  return sortableTable(table.caption, columns, table.rows);
}

// Share of people by window, before and after each fix; the others as a thin line.
FIGURES.fixes = (app, section) => el("div", { class: "small-figures" }, section.figure.items.filter((item) => item.points.length > 1).map(fixFigure));

function fixFigure(item) {
  const xs = item.points.map((p) => p.x), left = Math.min(...xs, 0), right = Math.max(...xs, 1);
  const top = Math.max(0.01, ...item.points.flatMap((p) => [p.share.high ?? 0, p.control?.value ?? 0]));
  const x = (v) => 44 + (396 * (v - left)) / (right - left), y = (v) => 150 - (124 * Math.min(v, top)) / top;
  const told = item.points.filter((p) => p.share.value !== null);
  const others = item.points.filter((p) => p.control && p.control.value !== null);
  const line = (points, of) => points.map((p, i) => `${i ? "L" : "M"}${x(p.x).toFixed(1)} ${y(of(p)).toFixed(1)}`).join("");
  return el("figure", { class: "fix-figure" },
    el("figcaption", { dir: "auto" }, el("b", {}, item.title), item.after === NONE ? null : ` ${item.after}`),
    svg("svg", { viewBox: "0 0 450 172", role: "img", "aria-label": `${item.title}; the table below has the numbers` },
      svg("path", { d: `M${x(0)} 14V150`, class: "fix-day" }),
      ...told.map((p) => svg("path", { d: `M${x(p.x)} ${y(p.share.low)}V${y(p.share.high)}`, class: "fix-range" })),
      svg("path", { d: line(others, (p) => p.control.value), class: "fix-others" }),
      svg("path", { d: line(told, (p) => p.share.value), class: "fix-line" }),
      ...told.map((p) => svg("circle", { cx: x(p.x), cy: y(p.share.value), r: 3, class: "fix-dot" })),
      label(4, 22, percent(top)), label(4, 150, "0\u00a0%"), label(x(0) + 4, 22, "fix"),
      label(44, 168, item.points[0].label), label(446, 168, item.points.at(-1).label, "end")));
}

// A number over the periods, each with the range of its interval; its own scale, said at both ends.
FIGURES.lines = (app, section) => el("div", { class: "small-figures" }, section.figure.items.map(lineFigure));

function lineFigure(item) {
  const told = item.points.map((p, i) => ({ ...p, i })).filter((p) => p.value !== null);
  if (told.length < 2) return null;
  const low = Math.min(...told.map((p) => p.low)), high = Math.max(...told.map((p) => p.high)), span = high - low || 1;
  const x = (i) => 24 + (416 * i) / Math.max(1, item.points.length - 1), y = (v) => 146 - (124 * (v - low)) / span;
  const path = told.map((p, k) => `${k && told[k - 1].i === p.i - 1 ? "L" : "M"}${x(p.i).toFixed(1)} ${y(p.value).toFixed(1)}`).join("");
  return el("figure", { class: "fix-figure" },
    el("figcaption", { dir: "auto" }, el("b", {}, item.title), ` ${told[0].text} → ${told.at(-1).text}`),
    svg("svg", { viewBox: "0 0 450 172", role: "img", "aria-label": `${item.title}; the table below has the numbers` },
      ...told.map((p) => svg("path", { d: `M${x(p.i)} ${y(p.low)}V${y(p.high)}`, class: "fix-range" })),
      svg("path", { d: path, class: "fix-line" }),
      ...told.map((p) => svg("circle", { cx: x(p.i), cy: y(p.value), r: 3, class: "fix-dot" }, svg("title", {}, document.createTextNode(`${item.labels[p.i]}: ${p.text}`)))),
      label(24, 168, item.labels[0]), label(446, 168, item.labels.at(-1), "end")));
}

function label(x, y, text, anchor = "start") {
  return svg("text", { x, y, "text-anchor": anchor }, document.createTextNode(text));
}

// Impact x effort, where efforts were judged; and what if chosen pains went away.
FIGURES.first = (app, section) => el("div", { class: "small-figures" }, section.figure.points.length ? quadrants(app, section.figure.points) : null, whatIf(app));

function quadrants(app, points) {
  const most = Math.max(...points.map((p) => p.gain), points[0].median * 1.2, 1e-9);
  const x = (effort) => 30 + (420 * (effort - 0.5)) / 5, y = (gain) => 280 - (256 * gain) / most;
  const names = [["quick win", 36, 18], ["big project", 446, 18, "end"], ["fill-in", 36, 292], ["think twice", 446, 292, "end"]];
  return el("figure", { class: "fix-figure wide" }, el("figcaption", {}, el("b", {}, "Impact × effort"), " up: gain; right: effort"),
    svg("svg", { viewBox: "0 0 460 318", role: "img", "aria-label": "Impact and effort; the table below has the numbers" },
      svg("path", { d: `M${x(3.5)} 6V296M30 ${y(points[0].median)}H450`, class: "fix-day" }),
      ...names.map(([words, a, b, anchor]) => label(a, b, words, anchor)),
      ...[1, 2, 3, 4, 5].map((effort) => label(x(effort), 312, `${effort}`, "middle")),
      ...points.map((p, i) => svg("circle", { cx: x(p.effort), cy: y(p.gain), r: 6, class: "fix-dot" }, svg("title", {}, document.createTextNode(p.label)))),
      ...points.map((p) => label(x(p.effort) + 9, y(p.gain) + 4, p.label.length > 24 ? `${p.label.slice(0, 23)}…` : p.label))));
}

const WHAT_IF_TOP = 12;

// The score if those who tell of the chosen pains scored like the rest; their union is counted
// once, so that overlapping pains are not added up. Needs every mention and every answer.
function whatIf(app) {
  const { store } = app, { map } = store;
  const score = map.scores[0], measure = store.measures.find((m) => isSame(score, m));
  const pains = allFindings(map).filter((f) => f.kind === "pain_point" && f.impact && f.impact.value !== null && f.impact_survey === score?.survey).sort((a, b) => a.impact.value - b.impact.value).slice(0, WHAT_IF_TOP);
  if (!pains.length || !measure || !Object.keys(score.answers ?? {}).length) return null;
  if (store.nEvidence > store.M.n) return el("p", { class: "fine" }, "What if several pains went away at once cannot be counted here: not every mention travels with this page.");
  const chosen = new Set([pains[0].finding_id]);
  const said = el("p", { class: "what-if-said", role: "status", id: "what-if-said" });
  const part = el("input", { type: "range", min: 10, max: 100, step: 10, value: 100, "aria-label": "How much of it goes away, in percent" });
  const tell = () => said.replaceChildren(...whatIfWords(app, score, measure, [...chosen], Number(part.value) / 100));
  part.addEventListener("input", tell);
  const boxes = pains.map((f) => {
    const box = el("input", { type: "checkbox", checked: chosen.has(f.finding_id) });
    box.addEventListener("change", () => { if (box.checked) chosen.add(f.finding_id); else chosen.delete(f.finding_id); tell(); });
    return el("label", { class: "check" }, box, el("bdi", {}, ` ${f.label}`));
  });
  tell();
  return el("figure", { class: "fix-figure wide what-if" }, el("figcaption", {}, el("b", {}, "What if"), " these went away"), el("div", { class: "boxes" }, boxes), el("label", {}, "this much of it: ", part), said);
}

function whatIfWords(app, score, measure, chosen, part) {
  const gone = whatIfGain(app, measure, score, chosen);
  if (!gone) return ["Choose at least one."];
  const name = scoreName(score), show = (v) => points(part * v, score.survey, score.measure);
  const now = scoreValue(score.survey, score.estimate.value, score.measure), then = scoreValue(score.survey, score.estimate.value + part * gone.value, score.measure);
  return [el("b", {}, `${name} ${now} → ${then}`), ` (${show(gone.value)}, 95 % interval ${show(gone.low)} to ${show(gone.high)}), if ${part === 1 ? "" : `${Math.round(100 * part)} % of `}the ${count(gone.people)} ${peopleWord(app.store.map, gone.people)} ${who(app.store.map)} tell of it scored like the rest.`];
}

// Answers added at either end and in the middle before a variance is taken, as in the engine.
const EXTRA = { net: [0.75, 1.5], share: [1, 0], mean: [0.75, 1.5] };

function whatIfGain(app, measure, score, chosen) {
  const { F, M, members } = app.store;
  const feedback = chosen.flatMap((id) => members.get(id) ?? []).map((i) => M.feedback[i]);
  const told = answersOf(app.store, feedback).filter((a) => isOnScale(app.store, measure, a))
    .map((a) => [pointsOf(measure, F.score[a]), F.person[a]]).filter(([value]) => value !== null);
  if (!told.length) return null;
  const all = Object.entries(score.answers).map(([answer, n]) => [pointsOf(measure, Number(answer)), n]);
  const sums = (list) => list.reduce(([n, s, q], [v, k]) => [n + k, s + k * v, q + k * v * v], [0, 0, 0]);
  const [n, s, q] = sums(all), [m, t, r] = sums(told.map(([v]) => [v, 1]));
  if (n <= m) return null;
  const f = m / n, gap = t / m - (s - t) / (n - m);
  const [ends, middle] = EXTRA[measure.kind], centre = (measure.low + measure.high) / 2;
  const spread = (k, a, b) => {
    const more = k + 2 * ends + middle, total = a + (2 * ends + middle) * centre;
    const square = b + ends * (measure.low ** 2 + measure.high ** 2) + middle * centre ** 2;
    return Math.max(0, square / more - (total / more) ** 2) / more;
  };
  const half = Z * Math.sqrt(f * f * (spread(m, t, r) + spread(n - m, s - t, q - r)) + (gap * gap * f * (1 - f)) / n);
  return { value: -f * gap, low: -f * gap - half, high: -f * gap + half, people: new Set(told.map(([, who]) => who)).size };
}

// A Sankey figure: left the stage of an answer, right that of the same person's next; the width of
// a ribbon is people, its colour how many of them tell a pain on arrival.
FIGURES.paths = (app, section) => {
  const { flows, order } = section.figure;
  if (!flows.length) return null;
  const total = flows.reduce((sum, f) => sum + f.n, 0), gap = 10, room = 320;
  const side = (key) => {
    const names = order.filter((name) => flows.some((f) => f[key] === name));
    const scale = (room - gap * (names.length - 1)) / total, at = new Map();
    let y = 24;
    for (const name of names) {
      const n = flows.filter((f) => f[key] === name).reduce((sum, f) => sum + f.n, 0);
      at.set(name, { y, next: y, height: n * scale, n });
      y += n * scale + gap;
    }
    return { at, scale };
  };
  const left = side("from"), right = side("to");
  const sorted = [...flows].sort((a, b) => order.indexOf(a.from) - order.indexOf(b.from) || order.indexOf(a.to) - order.indexOf(b.to));
  const ribbons = sorted.map((f) => {
    const a = left.at.get(f.from), b = right.at.get(f.to), ha = f.n * left.scale, hb = f.n * right.scale;
    const [y0, y1] = [a.next, b.next];
    a.next += ha;
    b.next += hb;
    const path = svg("path", { d: `M150 ${y0}C300 ${y0} 300 ${y1} 450 ${y1}V${y1 + hb}C300 ${y1 + hb} 300 ${y0 + ha} 150 ${y0 + ha}Z`, class: "ribbon" });
    path.style.opacity = (0.15 + 0.75 * (f.pain ?? 0)).toFixed(2);
    path.append(svg("title", {}, document.createTextNode(`${f.from} → ${f.to}: ${count(f.n)} people, ${percent(f.pain)} tell a pain there`)));
    return path;
  });
  const nodes = (half, x, textX, anchor) => [...half.at].flatMap(([name, node]) => [svg("rect", { x, y: node.y, width: 8, height: Math.max(1, node.height), class: "node" }), label(textX, node.y + node.height / 2 + 4, `${name} ${count(node.n)}`, anchor)]);
  return el("figure", { class: "fix-figure wide" }, el("figcaption", {}, el("b", {}, "From answer to answer"), " width: people; darker: more tell a pain there"),
    svg("svg", { viewBox: `0 0 600 ${room + 40}`, role: "img", "aria-label": "People between stages; the table below has the numbers" }, ...ribbons, ...nodes(left, 142, 136, "end"), ...nodes(right, 450, 464, "start")));
};
