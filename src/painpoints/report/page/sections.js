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
    section.tables.filter((table) => table.rows.length).map((table) => sectionTable(app, table)),
    section.notes.map((note) => el("p", { class: "fine", dir: "auto" }, note)));
}

function sectionTable(app, table) {
  const columns = table.columns.map((column, i) => ({
    title: column.title,
    number: column.look !== "text",
    value: (row) => row.cells[i].value,
    cell: (row) => (i === 0 && row.key && app.store.sets.has(row.key) ? linkTo(row.cells[0].text, () => app.open({ set: row.key })) : row.cells[i].text),
  }));
  return sortableTable(table.caption, columns, table.rows);
}
