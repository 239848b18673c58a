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
  const value = 100 * share;
  return Math.abs(value) > 0 && Math.abs(value) < 0.95 ? `${value.toFixed(1)}\u00a0%` : `${minus(value, 0)}\u00a0%`;
}

const balance = (share) => (share === null || share === undefined ? NONE : signed(100 * share));

function shareText(e) {
  if (e.value === null) return NONE;
  return `${percent(e.value)} (${percent(e.low).replace("\u00a0%", "")}–${percent(e.high)})`;
}

function netText(e) {
  return e.value === null ? NONE : `${balance(e.value)} (${balance(e.low)} to ${balance(e.high)})`;
}

function pointsText(e) {
  if (!e || e.value === null) return NONE;
  return `${signed(e.value, 1)} (${signed(e.low, 1)} to ${signed(e.high, 1)})`;
}

const surveyName = (survey) => SURVEYS[survey] ?? String(survey ?? "score").toUpperCase();

const MEASURES = { top_two_share: "top-two share", top_share: "top share", mean: "mean" };
const scoreName = (s) => [surveyName(s.survey), MEASURES[s.measure]].filter(Boolean).join(", ");

function scoreValue(survey, value) {
  if (value === null || value === undefined) return NONE;
  if (BALANCES.has(survey)) return signed(value);
  return SHARES.has(survey) && Math.abs(value) <= 1 ? percent(value) : value.toFixed(2);
}

function rankText(f) {
  if (f.rank === null) return NONE;
  return f.rank_low === f.rank_high || f.rank_low === null ? `${f.rank}` : `${f.rank} (${f.rank_low}–${f.rank_high})`;
}

function changeValue(what, value) {
  if (what === "share") return percent(value);
  return what === "net_sentiment" ? balance(value) : scoreValue(what, value);
}

const changeName = (what) => (Object.hasOwn(SURVEYS, what) ? SURVEYS[what] : plainName(what));

function trendWords(change) {
  if (!change) return "no earlier period";
  if (change.verdict === "too_few" || change.before === null || change.now === null) return change.verdict.replace("_", " ");
  const words = `${change.verdict}, ${changeValue(change.what, change.before)} → ${changeValue(change.what, change.now)}`;
  return change.what === "share" ? words : `${changeName(change.what)} ${words}`;
}

const plainName = (name) => (name === null || name === undefined || name === "" ? "not given" : String(name).replaceAll("_", " "));

function peopleWord(map, n) {
  if (map.people_known) return n === 1 ? "person" : "people";
  return n === 1 ? "answer" : "answers";
}

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

function dateText(iso) {
  if (!iso) return "no date";
  const [year, month, day] = iso.slice(0, 10).split("-").map(Number);
  return `${day} ${MONTHS[month - 1]} ${year}`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
