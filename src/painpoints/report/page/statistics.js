// Intervals for the filtered view: the same formulas as in the engine (95 %).

const Z = 1.959963984540054;
const nothing = () => ({ value: null, low: null, high: null, n: 0 });

function wilson(k, n) {
  if (n === 0) return nothing();
  const p = k / n, z2 = Z * Z;
  const middle = p + z2 / 2 / n;
  const half = Z * Math.sqrt((p * (1 - p)) / n + z2 / 4 / n / n);
  const low = (middle - half) / (1 + z2 / n), high = (middle + half) / (1 + z2 / n);
  return { value: p, low: Math.max(0, low), high: Math.min(1, high), n };
}

// Shares up minus down, adjusted Wald (Rocks 2016): three quarters added to each end, n + 3.
function netShare(up, down, n, scale = 1) {
  if (n === 0) return nothing();
  const p = (up + 0.75) / (n + 3), d = (down + 0.75) / (n + 3);
  const half = Z * Math.sqrt((p + d - (p - d) ** 2) / (n + 3));
  const low = Math.max(-1, p - d - half), high = Math.min(1, p - d + half);
  return { value: (scale * (up - down)) / n, low: scale * low, high: scale * high, n };
}

function meanOf(values) {
  const n = values.length;
  if (n === 0) return nothing();
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return { value: mean, low: null, high: null, n };
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1);
  const half = Z * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half, n };
}

const upFrom = { csat: 4, ces: 4, thumbs: 1, smileys: 3, pmf: 3 };

function scoreOf(survey, values) {
  if (BALANCES.has(survey)) {
    return netShare(values.filter((v) => v >= 9).length, values.filter((v) => v <= 6).length, values.length, 100);
  }
  if (survey === "stars") return meanOf(values);
  return wilson(values.filter((v) => v >= topBox(survey, values)).length, values.length);
}

function topBox(survey, values) {
  const seven = survey === "ces" && values.some((v) => v > 5);
  return seven ? 5 : upFrom[survey] ?? Infinity;
}

function band(survey, score) {
  if (score === null) return null;
  const cuts = { nps: [6, 9], enps: [6, 9], csat: [2, 4], ces: [2, 4], stars: [2, 4], thumbs: [0, 1], smileys: [1, 3], pmf: [1, 3] }[survey];
  if (!cuts) return null;
  if (score <= cuts[0]) return "low";
  return score >= cuts[1] ? "high" : "middle";
}
