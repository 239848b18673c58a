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

function label(x, y, text, anchor = "start") {
  return svg("text", { x, y, "text-anchor": anchor }, document.createTextNode(text));
}
