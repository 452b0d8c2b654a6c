// A member's page, alive: the lock notice appears at once, the health bar moves, questions and notices arrive.
import { connectionLine } from "./connection.js";
import { freshPage, send, tick, toast } from "./page.js";
import { Live } from "./socket.js";
import { BANDS, SCOPES, capital, device, place, timeElement, visible } from "./words.js";

const one = (name, root = document) => root.querySelector(`[data-${name}]`);
const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const lockBox = one("lock");
const questions = one("questions");
const BROWSING = new Set(["page.viewed", "search.performed", "cart.item_added"]); // calm, and not listed
const LOOK_EVERY = 5000;
let refreshTimer = 0;
let connected = false;

function bdi(text) {
  const element = document.createElement("bdi");
  element.textContent = visible(text);
  return element;
}

function showLock(lock, { news = false } = {}) {
  const before = !lockBox.hidden;
  lockBox.hidden = !lock;
  if (!lock) {
    if (news && before) toast("Your account is unlocked. Welcome back.");
    return;
  }
  const locked = lock.state === "locked";
  lockBox.className = `lock ${lock.state}`;
  one("lock-title").textContent = locked ? "Your account is locked for your safety" : "We ask for an extra check";
  one("lock-reason").textContent = visible(lock.reason.text);
  one("lock-scopes").textContent = lock.scopes.map((scope) => SCOPES[scope] ?? scope).join("; ");
  one("lock-since").replaceChildren(timeElement(lock.since, "exact"));
  one("lock-until").replaceChildren(lock.expires_at ? timeElement(lock.expires_at, "exact") : "the shop’s staff lift it");
  one("lock-self").hidden = !lock.self_unlock;
  one("lock-staff").hidden = lock.self_unlock;
  if (!news) return;
  one("alarm").textContent = `${one("lock-title").textContent}. ${lock.reason.text}`;
  const typing = document.activeElement?.matches("input:not([type=hidden]), textarea, select");
  if (!typing) lockBox.scrollIntoView({ block: "nearest" });
}

function showHealth(health) {
  const box = one("health");
  box.className = `health ${health.band}`;
  one("health-score").textContent = health.score;
  one("health-word").textContent = BANDS[health.band] ?? health.band;
  one("health-bar").setAttribute("width", `${health.score}%`);
  const meter = one("health-meter");
  meter.setAttribute("aria-valuenow", health.score);
  meter.setAttribute("aria-valuetext", `${health.score} of 100, ${(BANDS[health.band] ?? "").toLowerCase()}`);
  one("health-reasons").replaceChildren(
    ...health.reasons.map((reason) => {
      const line = copy("health-reason-template");
      line.querySelector(".points").textContent = String(reason.points).replace("-", "\u2212");
      line.querySelector("bdi").textContent = visible(reason.text);
      line.querySelector("p + p").textContent = visible(reason.fix);
      return line;
    }),
  );
  one("health-fine").hidden = health.reasons.length > 0;
  suggest(health.suggestions ?? []);
}

function suggest(suggestions) {
  one("suggestions-box").hidden = suggestions.length === 0;
  one("suggestions").replaceChildren(
    ...suggestions.map((item) => {
      const line = copy("suggestion-template");
      const link = line.querySelector("a");
      link.textContent = visible(item.text);
      link.href = item.url.startsWith("/") ? item.url : "/member/";
      line.querySelector("form").action = `/member/suggestions/${encodeURIComponent(item.code)}/dismiss/`;
      line.querySelector(".only-heard").textContent = `: ${visible(item.text)}`;
      return line;
    }),
  );
}

async function dismiss(form) {
  const answer = await send(form);
  if (!answer) return;
  if (answer.ok) form.closest("li").remove();
  one("suggestions-box").hidden = one("suggestions").childElementCount === 0;
  toast(answer.data.message ?? "That did not work.", { level: answer.ok ? "success" : "error" });
}

const questionOf = (id) => questions.querySelector(`[data-question="${CSS.escape(id)}"]`);

function showQuestion(alert) {
  const shown = questionOf(alert.id);
  if (alert.status === "resolved" || alert.disputed) {
    shown?.remove();
  } else {
    const card = shown ?? copy("question-template");
    card.dataset.question = alert.id;
    const slot = (name) => card.querySelector(`[data-slot="${name}"]`);
    slot("summary").replaceChildren(bdi(alert.summary));
    slot("title").textContent = visible(alert.title);
    slot("device").textContent = device(alert.context) || "not known";
    slot("place").textContent = place(alert.context) || "not known";
    slot("when").replaceChildren(timeElement(alert.last_seen_at, "exact"));
    for (const form of card.querySelectorAll("[data-answer]")) {
      form.action = `/member/alerts/${alert.id}/${form.dataset.answer}/`;
    }
    if (!shown) questions.prepend(card);
  }
  one("questions-section").hidden = questions.childElementCount === 0;
}

function showNotice(notice) {
  const list = one("notices");
  if (list.querySelector(`[data-notice="${CSS.escape(notice.id)}"]`)) return;
  const line = copy("notice-template");
  line.dataset.notice = notice.id;
  line.querySelector("b").textContent = visible(notice.title);
  line.querySelector("b").lang = notice.language ?? "";
  line.querySelector("time").replaceWith(timeElement(notice.created_at));
  list.prepend(line);
  while (list.childElementCount > 8) list.lastElementChild.remove();
  one("no-notices").hidden = true;
}

function take(frame) {
  if (frame.kind === "hello") {
    if (!frame.member) return;
    showLock(frame.member.lock);
    showHealth(frame.member.health);
  } else if (frame.kind === "member.locked") showLock(frame.lock, { news: true });
  else if (frame.kind === "member.unlocked") showLock(frame.lock, { news: true });
  else if (frame.kind === "health.changed") showHealth(frame.health);
  else if (frame.kind === "notice.created") showNotice(frame.notification);
  else if (frame.alert) showQuestion(frame.alert);
  if (frame.kind !== "hello") refreshTimer ||= setTimeout(refresh, 1200);
}

/** Calm events are in no frame: while somebody looks, ask now and then whether there is one that the page lacks. */
async function look() {
  if (!connected || document.visibilityState !== "visible") return;
  try {
    const answer = await fetch("/api/v1/me/events/?limit=20", {
      credentials: "same-origin",
      headers: { "X-Page": "background" },
    });
    if (!answer.ok) return;
    const told = (await answer.json()).results.find((event) => !BROWSING.has(event.type));
    const newest = told ? `${told.event_id} ${told.state}` : "";
    const list = document.querySelector("[data-newest]");
    if (!newest || newest === list.dataset.newest) return;
    list.dataset.newest = newest;
    refreshTimer ||= setTimeout(refresh, 0);
  } catch {
    // Away: the connection line says so, and the next round asks again.
  }
}

/** Lists that only the server words: activity and devices. */
async function refresh() {
  refreshTimer = 0;
  try {
    const page = await freshPage(location.href, "background");
    for (const id of ["activity", "devices"]) {
      const [old, made] = [document, page].map((where) => where.getElementById(id)?.closest("section")?.querySelector("ol, ul"));
      if (old && made) old.replaceChildren(...[...made.children].map((item) => document.adoptNode(item)));
    }
    tick();
  } catch {
    // They stay as they were; the next frame asks again.
  }
}

function showPlayed(played) {
  const box = one("played");
  box.hidden = false;
  one("played-title").textContent = played.title;
  const verdict = one("played-verdict");
  verdict.className = `badge ${played.verdict ?? ""}`;
  verdict.textContent = played.fault ? "No answer" : capital(played.verdict ?? "");
  one("played-fault").textContent = played.fault;
  one("played-fault").hidden = !played.fault;
  const past = played.past ? `, after ${played.past} of the past` : "";
  const risk = played.risk_score === null ? "" : ` · risk ${played.risk_score} of 100, ${played.severity}`;
  one("played-sent").textContent = `${played.sent} event${played.sent === 1 ? "" : "s"} through the API${past}${risk}`;
  one("played-reasons").replaceChildren(
    ...(played.reasons ?? []).map((reason) => {
      const line = document.createElement("li");
      line.append(bdi(reason.text));
      return line;
    }),
  );
}

async function playStory(form) {
  const buttons = [...document.querySelectorAll("[data-story] button")];
  for (const button of buttons) button.disabled = true;
  const answer = await send(form);
  for (const button of buttons) button.disabled = false;
  form.querySelector("button").focus({ preventScroll: true });
  if (answer?.data.played) showPlayed(answer.data.played);
  else if (answer) toast(answer.data.message ?? "That did not work.", { level: "error" });
  refreshTimer ||= setTimeout(refresh, 1200);
}

async function answerQuestion(form) {
  const answer = await send(form);
  if (!answer) return;
  if (answer.data.go) {
    location.assign(answer.data.go);
    return;
  }
  toast(answer.data.message, { level: answer.data.level });
  if (answer.ok) {
    form.closest("[data-question]").remove();
    one("questions-section").hidden = questions.childElementCount === 0;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("story" in form.dataset) {
    event.preventDefault();
    playStory(form);
  } else if ("dismiss" in form.dataset) {
    event.preventDefault();
    dismiss(form);
  } else if ("answer" in form.dataset) {
    event.preventDefault();
    answerQuestion(form);
  }
});

setInterval(look, LOOK_EVERY);
document.addEventListener("visibilitychange", look);

const line = connectionLine();
new Live({
  path: "/ws/member/",
  poll: "/api/v1/me/feed/",
  cursor: one("me").dataset.cursor,
  onFrame: take,
  onState(now) {
    connected = now.state === "live";
    line(now);
  },
});
