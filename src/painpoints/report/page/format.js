// Numbers and names as people read them; the same forms as in the other reports.

const SURVEYS = { nps: "NPS", enps: "eNPS", csat: "CSAT", ces: "CES", stars: "Stars", thumbs: "Thumbs up", smileys: "Smileys", pmf: "PMF" };
const SHARES = new Set(["csat", "ces", "thumbs", "smileys", "pmf"]);
const BALANCES = new Set(["nps", "enps"]);
const OPPORTUNITIES = { remove_pain: "Remove a pain", asked_for: "Asked for", extend_delight: "Extend a delight" };
const NONE = "–";

const count = (n) => Math.round(n).toLocaleString("en-US");

function minus(value, digits) {
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return value >= 0 || Number(text.replaceAll(",", "")) === 0 ? text : `\u2212${text}`;
}

function signed(value, digits = 0) {
  if (value === null || value === undefined) return NONE;
  const text = minus(value, digits);
  return value > 0 && Number(text.replaceAll(",", "")) !== 0 ? `+${text}` : text;
}

function percent(share) {
  if (share === null || share === undefined) return NONE;
  return `${minus(100 * share, share === 0 || Math.abs(share) === 1 ? 0 : 1)}\u00a0%`;
}

const balance = (share) => (share === null || share === undefined ? NONE : signed(100 * share));

function shareText(e) {
  if (e.value === null) return NONE;
  return `${percent(e.value)} (${percent(e.low).replace("\u00a0%", "")}–${percent(e.high)})`;
}

function netText(e) {
  return e.value === null ? NONE : `${balance(e.value)} (${balance(e.low)} to ${balance(e.high)})`;
}

const isShare = (survey, measure) => (measure ? measure.endsWith("_share") : SHARES.has(survey));

// A difference of scores: NPS points, percentage points (pp) of shares, or of a mean.
function points(value, survey, measure) {
  if (value === null || value === undefined) return NONE;
  if (isShare(survey, measure)) return `${signed(100 * value, Math.abs(value) >= 0.00095 ? 1 : 2)}\u00a0pp`;
  if (BALANCES.has(survey)) return signed(value, 1);
  return signed(value, Math.abs(value) >= 0.0095 ? 2 : 3);
}

const impactPoints = (f, value) => points(value, f.impact_survey, f.impact_measure);

function impactText(f) {
  if (!f.impact || f.impact.value === null) return NONE;
  return `${impactPoints(f, f.impact.value)} (${impactPoints(f, f.impact.low).replace("\u00a0pp", "")} to ${impactPoints(f, f.impact.high)})`;
}

const surveyName = (survey) => SURVEYS[survey] ?? String(survey ?? "score").toUpperCase();

const MEASURES = { top_two_share: "top-two share", top_share: "top share", mean: "mean" };
const scoreName = (s) => [surveyName(s.survey), MEASURES[s.measure]].filter(Boolean).join(", ");

function scoreValue(survey, value, measure) {
  if (value === null || value === undefined) return NONE;
  if (BALANCES.has(survey)) return signed(value);
  return isShare(survey, measure) ? percent(value) : value.toFixed(2);
}

function rankText(f) {
  if (f.rank === null) return NONE;
  return f.rank_low === f.rank_high || f.rank_low === null ? `${f.rank}` : `${f.rank} (${f.rank_low}–${f.rank_high})`;
}

function changeValue(what, value, measure) {
  if (what === "share") return percent(value);
  return what === "net_sentiment" ? balance(value) : scoreValue(what, value, measure);
}

const changeName = (what) => (Object.hasOwn(SURVEYS, what) ? SURVEYS[what] : plainName(what));

function trendWords(change) {
  if (!change) return "no earlier period";
  if (change.verdict === "too_few" || change.before === null || change.now === null) return change.verdict.replace("_", " ");
  const words = `${change.verdict}, ${changeValue(change.what, change.before, change.measure)} → ${changeValue(change.what, change.now, change.measure)}`;
  return change.what === "share" ? words : `${changeName(change.what)} ${words}`;
}

const plainName = (name) => (name === null || name === undefined || name === "" ? "not given" : String(name).replaceAll("_", " "));

function peopleWord(map, n) {
  if (map.people_known) return n === 1 ? "person" : "people";
  return n === 1 ? "answer" : "answers";
}

const who = (map) => (map.people_known ? "who" : "that");

const counted = (n, things) => `${count(n)} ${n === 1 ? things.replace(/s$/, "") : things}`;

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

function dateText(iso) {
  if (!iso) return "no date";
  const [year, month, day] = iso.slice(0, 10).split("-").map(Number);
  return `${day} ${MONTHS[month - 1]} ${year}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
