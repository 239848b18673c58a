// Small drawing: elements by name, never by markup, and the few figures that the map is made of.

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (key === "at") for (const [name, size] of Object.entries(value)) node.style.setProperty(name, size);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const hidden = (text) => el("span", { class: "unseen" }, text);

function severityDots(severity) {
  const dots = [0, 1, 2].map((i) => {
    const filled = Math.max(0, Math.min(1, severity - i));
    return svg("g", {},
      svg("circle", { cx: 5 + i * 11, cy: 5, r: 4, class: "dot-empty" }),
      svg("circle", { cx: 5 + i * 11, cy: 5, r: (4 * Math.sqrt(filled)).toFixed(2), class: "dot" }));
  });
  return svg("svg", { viewBox: "0 0 32 10", class: "dots", role: "img", "aria-label": `severity ${severity.toFixed(1)} of 3` }, ...dots);
}

const ARROWS = {
  rising: "M2 10 10 2M4.5 2H10V7.5", new: "M6 1.5v9M1.5 6h9", falling: "M2 2 10 10M4.5 10H10V4.5",
  fixed: "M1.5 6.5 4.5 9.5 10.5 2.5", unchanged: "M1 6H11M8 3l3 3-3 3",
};

function trendMark(change, kind) {
  if (!change || !ARROWS[change.verdict]) return null;
  const bad = { pain_point: { rising: "worse", new: "worse", falling: "better", fixed: "better" } }[kind] ?? {};
  return el("span", { class: `trend ${bad[change.verdict] ?? ""}`, title: trendWords(change) },
    svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("path", { d: ARROWS[change.verdict] })),
    change.verdict);
}

const tone = (e) => (e.value === null ? "none" : e.low > 0 ? "positive" : e.high < 0 ? "negative" : "open");

// Monotone cubic through the points (Fritsch and Carlson 1980): it never swings beyond the data.
function curve(points) {
  const n = points.length;
  if (n === 0) return "";
  const f = (v) => v.toFixed(2);
  let path = `M${f(points[0][0])} ${f(points[0][1])}`;
  const m = slopes(points);
  for (let i = 0; i + 1 < n; i++) {
    const [x0, y0] = points[i], [x1, y1] = points[i + 1], h = (x1 - x0) / 3;
    path += `C${f(x0 + h)} ${f(y0 + h * m[i])} ${f(x1 - h)} ${f(y1 - h * m[i + 1])} ${f(x1)} ${f(y1)}`;
  }
  return path;
}

function slopes(points) {
  const d = points.slice(1).map(([x, y], i) => (y - points[i][1]) / (x - points[i][0]));
  if (d.length === 0) return [0];
  const m = points.map((_, i) => {
    if (i === 0) return d[0];
    if (i === d.length) return d[i - 1];
    return d[i - 1] * d[i] <= 0 ? 0 : (2 * d[i - 1] * d[i]) / (d[i - 1] + d[i]);
  });
  return m;
}

function bandPath(upper, lower) {
  return `${curve(upper)}L${curve([...lower].reverse()).slice(1)}Z`;
}

function emotionFigure(map, open) {
  const n = map.stages.length;
  const told = map.stages.map((v, i) => ({ v, i, e: v.net_sentiment })).filter((s) => s.e.value !== null);
  const sure = told.filter((s) => !s.v.small);
  const reach = Math.max(0.5, ...sure.flatMap((s) => [Math.abs(s.e.low), Math.abs(s.e.high)]));
  const limit = Math.min(1, Math.ceil(reach * 4) / 4);
  const y = (value) => 50 - (37 * Math.max(-limit, Math.min(limit, value))) / limit;
  const x = (i) => ((i + 0.5) * 100) / n;
  const at = (run, key) => run.map((s) => [x(s.i), y(s.e[key])]);
  const lines = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width: 100, height: 50, class: "above" }),
    svg("rect", { x: 0, y: 50, width: 100, height: 50, class: "below" }),
    svg("path", { d: "M0 50H100", class: "zero" }),
    ...runsOf(sure).flatMap((run) => [
      svg("path", { d: bandPath(at(run, "high"), at(run, "low")), class: "band" }), svg("path", { d: curve(at(run, "value")), class: "line" }),
    ]));
  const scale = [limit, 0, -limit].map((value) => el("span", { class: "tick", at: { top: `${y(value)}%` }, "aria-hidden": "true" }, balance(value)));
  return el("div", { class: "emotion", role: "group", "aria-label": "Emotion curve: net sentiment stage by stage" },
    lines, scale, map.stages.map((v, i) => emotionPoint(map, v, i, y, open)));
}

// The curve is drawn between neighbours only: where nobody or too few speak, it has a gap.
function runsOf(points) {
  const runs = [];
  for (const point of points) {
    const last = runs.at(-1);
    if (last && last.at(-1).i === point.i - 1) last.push(point);
    else runs.push([point]);
  }
  return runs.filter((run) => run.length > 1);
}

function emotionPoint(map, v, i, y, open) {
  const e = v.net_sentiment, n = map.stages.length;
  const place = { left: `${(i * 100) / n}%`, width: `${100 / n}%` };
  if (e.value === null) return el("span", { class: "point empty", at: place }, el("i", { at: { top: "50%" } }, "no voices"));
  const words = `${v.stage.title}: net sentiment ${netText(e)}, ${count(e.n)} ${peopleWord(map, e.n)}${v.small ? ", too few to draw on" : ""}`;
  const above = e.value < 0;
  return el("button", { type: "button", class: `point ${v.small ? "open small" : tone(e)}`, at: place, "aria-label": `${words}. Show the evidence`, title: words, on: { click: () => open({ stage: v.stage.name }) } },
    el("s", { at: { top: `${y(e.high)}%`, height: `${y(e.low) - y(e.high)}%` } }),
    el("b", { at: { top: `${y(e.value)}%` } }),
    el("i", { class: above ? "under" : "over", at: { top: `${above ? y(e.low) : y(e.high)}%` } }, v.small ? `n ${e.n}` : balance(e.value)),
    el("em", {}, `${i + 1}`));
}

// A dot with its interval on a scale shared by all stages.
function rangeMark(e, domain, kind) {
  const place = (value) => `${(100 * (value - domain[0])) / (domain[1] - domain[0])}%`;
  const low = e.low ?? e.value, high = e.high ?? e.value;
  return el("span", { class: `range ${kind}`, "aria-hidden": "true" },
    domain[0] < 0 && domain[1] > 0 ? el("u", { at: { left: place(0) } }) : null,
    el("s", { at: { left: place(low), width: `${(100 * (high - low)) / (domain[1] - domain[0])}%` } }),
    el("b", { at: { left: place(e.value) } }));
}

function bar(share, kind = "") {
  return el("span", { class: `bar ${kind}`, "aria-hidden": "true" }, el("i", { at: { width: `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%` } }));
}
