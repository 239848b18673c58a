// Intervals for the filtered view: the same formulas as in the engine (95 %).

const Z = 1.959963984540054;
const nothing = () => ({ value: null, low: null, high: null, n: 0 });

function wilson(k, n) {
  if (n === 0) return nothing();
  const p = k / n, z2 = Z * Z;
  const middle = p + z2 / 2 / n;
  const half = Z * Math.sqrt((p * (1 - p)) / n + z2 / 4 / n / n);
  const low = (middle - half) / (1 + z2 / n), high = (middle + half) / (1 + z2 / n);
  return { value: p, low: k <= 0 ? 0 : Math.max(0, low), high: k >= n ? 1 : Math.min(1, high), n };
}

// Shares up minus down, adjusted Wald (Rocks 2016): three quarters added to each end, n + 3.
function netShare(up, down, n, scale = 1) {
  if (n === 0) return nothing();
  const p = (up + 0.75) / (n + 3), d = (down + 0.75) / (n + 3);
  const half = Z * Math.sqrt((p + d - (p - d) ** 2) / (n + 3));
  const share = (up - down) / n; // where all answers agree, the interval is widened to hold it
  const low = Math.max(-1, Math.min(p - d - half, share)), high = Math.min(1, Math.max(p - d + half, share));
  return { value: scale * share, low: scale * low, high: scale * high, n };
}

// The 97.5 % point of Student's t (Cornish-Fisher; within 0.02 from four degrees of freedom on).
function tQuantile(freedom) {
  const z = Z, z3 = z ** 3, z5 = z ** 5, v = freedom;
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) + (3 * z ** 7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v ** 3);
}

function variance(values, mean) {
  return values.length > 1 ? values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1) : 0;
}

// How many independent answers these are worth, people giving several each (Kish 1965).
function effectiveN(values, people, mean) {
  const n = values.length, sums = new Map(), counts = new Map();
  people.forEach((who, i) => {
    sums.set(who, (sums.get(who) ?? 0) + values[i] - mean);
    counts.set(who, (counts.get(who) ?? 0) + 1);
  });
  if (counts.size === n) return n;
  if (counts.size === 1) return 1;
  const worst = [...counts.values()].reduce((sum, c) => sum + c * c, 0) / n;
  const spread = variance(values, mean) / n;
  if (spread <= 1e-12) return n / worst;
  const clustered = ((counts.size / (counts.size - 1)) * [...sums.values()].reduce((sum, s) => sum + s * s, 0)) / n ** 2;
  return n / Math.min(Math.max(clustered / spread, 1), worst);
}

// What an answer counts; null where it is off the scale.
function pointsOf(measure, answer) {
  if (answer < measure.bottom || answer > measure.top) return null;
  const within = (range) => range && answer >= range[0] && answer <= range[1];
  if (!measure.good) return answer;
  if (within(measure.good)) return measure.high;
  if (!measure.bad || within(measure.bad)) return measure.low;
  return (measure.low + measure.high) / 2;
}

// Of one answer the whole scale; of equal answers as far as others that were not drawn could pull.
function meanEnds({ low, high }, mean, spread, n) {
  if (n <= 1) return { low, high };
  const half = tQuantile(n - 1) * Math.sqrt(spread / n), hidden = 1 - 0.05 ** (1 / n);
  const [below, above] = spread <= 1e-12 ? [hidden * (mean - low), hidden * (high - mean)] : [half, half];
  return { low: Math.max(low, mean - below), high: Math.min(high, mean + above) };
}

function scoreOf(measure, answers, people) {
  const kept = answers.map((a, i) => [pointsOf(measure, a), people[i]]).filter(([point]) => point !== null);
  if (!kept.length) return nothing();
  const values = kept.map(([point]) => point), who = kept.map(([, person]) => person);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const n = effectiveN(values, who, mean), share = (test) => values.filter(test).length / values.length;
  let ends;
  if (measure.kind === "net") ends = netShare(share((v) => v > 0) * n, share((v) => v < 0) * n, n, 100);
  else if (measure.kind === "share") ends = wilson(mean * n, n);
  else ends = meanEnds(measure, mean, variance(values, mean), n);
  return { value: mean, low: ends.low, high: ends.high, n: new Set(who).size };
}

// The last low and the first high answer of a survey kind on a scale.
function bandEnds(measures, survey, scale) {
  const same = measures.filter((measure) => measure.survey === survey && measure.score_max === scale);
  const measure = same.find(({ good }) => good) ?? same[0];
  if (!measure) return null;
  const { bottom, top, good, bad } = measure;
  const high = good ? good[0] : bottom + (2 * (top - bottom)) / 3;
  return { bottom, top, low: bad ? bad[1] : bottom + top - high, high };
}

function band({ measures, F }, i) {
  const score = F.score[i];
  const ends = score === null ? null : bandEnds(measures, coded(F.survey, i), coded(F.score_max, i));
  if (!ends) return null;
  if (score <= ends.low) return "low";
  return score >= ends.high ? "high" : "middle";
}
