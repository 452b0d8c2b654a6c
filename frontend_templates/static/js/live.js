// The alert feed, alive: rows arrive and change, and never move what is under the pointer.
import * as choose from "./choose.js";
import { connectionLine } from "./connection.js";
import "./deskwork.js";
import { matches } from "./matching.js";
import * as notes from "./notes.js";
import { tick } from "./page.js";
import * as panel from "./panel.js";
import { Live } from "./socket.js";
import { capital, clock, device, place, timeElement, visible } from "./words.js";

const MOST_ROWS = 300;
const COUNT_EVERY = 4000;
const SUMMARY_EVERY = 10000;
const FLUSH_AFTER = 60; // rows of one moment come in together
const SLICE = 16; // milliseconds at a time that rows come in for …
const AT_LEAST = 8; // … and how many rows come in however slow the machine is
const MOST_LIT = 12; // rows light up as they come in, in a flood the last few alone
const STALE_AFTER = 60000;

const feed = document.querySelector("[data-feed]");
const newest = feed.dataset.lastPage === "yes";
const template = document.getElementById("row-template").content.firstElementChild;
const newer = document.querySelector("[data-newer]");
const pause = document.querySelector("[data-pause]");
const summary = document.querySelector("[data-summary]");
const gap = document.querySelector("[data-gap]");
const address = { alert: (id) => `/admin_dashboard/alerts/${id}/` };
const title = document.title;
const here = location.search || "?status=";

const waiting = new Map(); // alerts that came while the list must not move
const locks = new Map(); // what the frames said about members' locks
const unsaid = { all: 0, high: 0 };
let paused = false;
let countTimer = 0;
let summaryTimer = 0;
let flushTimer = 0;
let offerTimer = 0;
let coming = 0; // the next few of those that are coming in
let connection = { state: "none" };

const memberUrl = (kind, id) => `/admin_dashboard/${kind}/${id.split("/").map(encodeURIComponent).join("/")}/`;
const slot = (row, name) => row.querySelector(`[data-slot="${name}"]`);
const rowOf = (id) => [...feed.children].find((row) => row.dataset.id === id); // sooner than asking for a selector

/** Whether somebody reads, points at or types into the list. */
function busy() {
  if (paused || panel.openAlert() || choose.chosen() || scrollY > feed.offsetTop) return true;
  if (feed.contains(document.activeElement) || feed.querySelector("details[open]")) return true;
  if (matchMedia("(hover: hover)").matches && feed.matches(":hover")) return true;
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && feed.contains(selection.anchorNode));
}

function badge(element, kind, word, symbol) {
  element.className = `badge ${kind}`;
  element.querySelector("span").textContent = word;
  element.querySelector("use")?.setAttribute("href", symbol);
}

function bdi(text) {
  const element = document.createElement("bdi");
  element.textContent = visible(text);
  return element;
}

function fill(row, alert) {
  row.dataset.id = alert.id;
  row.dataset.severity = alert.severity;
  row.dataset.status = alert.status;
  row.dataset.created = alert.created_at;
  row.dataset.memberId = alert.member_id ?? "";
  badge(slot(row, "severity"), alert.severity, capital(alert.severity), `#i-severity-${alert.severity}`);
  const heading = slot(row, "title");
  heading.textContent = visible(alert.title);
  heading.href = address.alert(alert.id);
  who(slot(row, "who"), alert);
  slot(row, "summary").replaceChildren(bdi(alert.summary));
  slot(row, "place").textContent = place(alert.context) || "Place unknown";
  slot(row, "device").textContent = device(alert.context) || "Device unknown";
  slot(row, "disputed").hidden = !alert.disputed;
  slot(row, "times").hidden = alert.event_count < 2;
  slot(row, "times").textContent = `×${alert.event_count}`;
  slot(row, "assignee").hidden = !alert.assignee;
  slot(row, "assignee").textContent = visible(alert.assignee);
  const box = row.querySelector("[data-pick]");
  if (box) box.value = alert.id;
  const status = slot(row, "status");
  status.className = `badge ${alert.status}`;
  status.textContent = capital(alert.status);
  slot(row, "when").replaceChildren(timeElement(alert.last_seen_at));
  actions(row, alert);
  if (locks.has(alert.member_id)) showLock(row, locks.get(alert.member_id));
  row.classList.toggle("left", !matches(alert));
}

function who(place, alert) {
  if (!alert.member_id) {
    place.replaceChildren(bdi(alert.subject));
    place.className = "muted";
    return;
  }
  const link = document.createElement("a");
  link.className = "member";
  link.href = memberUrl("members", alert.member_id);
  link.append(bdi(alert.member_id));
  place.replaceChildren(link);
}

function actions(row, alert) {
  const acknowledge = row.querySelector('[data-act="acknowledge"]');
  if (!acknowledge) return; // who may only read has no buttons
  acknowledge.action = `${address.alert(alert.id)}acknowledge/`;
  acknowledge.hidden = alert.status !== "open";
  const resolve = row.querySelector('[data-act="resolve"]');
  resolve.hidden = alert.status === "resolved";
  resolve.querySelector("form").action = `${address.alert(alert.id)}resolve/`;
  if (alert.member_id) {
    row.querySelector('[data-act="unlock"] form').action = memberUrl("unlock", alert.member_id);
    slot(row, "name").replaceChildren(bdi(alert.member_id));
  }
}

function showLock(row, lock) {
  const mark = slot(row, "lock");
  mark.hidden = !lock;
  if (lock) badge(mark, lock.state, capital(lock.state), "#i-lock");
  const unlock = row.querySelector('[data-act="unlock"]');
  if (unlock) unlock.hidden = !lock;
  const also = slot(row, "and-unlock");
  if (also) also.hidden = !lock;
}

function isOlder(row, alert) {
  const created = row.created ?? "";
  return created < alert.created_at || (created === alert.created_at && (row.id ?? "") < alert.id);
}

/** Put an alert where it belongs by its age; not at all when it is older than the page reaches. */
function insert(alert) {
  const row = template.cloneNode(true);
  fill(row, alert);
  const rows = [...feed.children];
  const next = rows.find((other) => isOlder(other.dataset, alert));
  if (!next && rows.length && document.querySelector('[rel="next"]')) return;
  feed.insertBefore(row, next ?? null);
  row.classList.toggle("fresh", waiting.size < MOST_LIT);
  feed.hidden = false;
  document.querySelector("[data-empty]").hidden = true;
  while (feed.childElementCount > MOST_ROWS) feed.lastElementChild.remove();
}

function flush({ asked = false } = {}) {
  flushTimer = 0;
  if (coming && !asked) return;
  if (busy() && !asked) {
    offer();
    return;
  }
  const shown = rowIds();
  const came = [...waiting.values()].sort((a, b) => (isOlder({ created: b.created_at, id: b.id }, a) ? -1 : 1));
  const fresh = came.filter((alert) => !shown.has(alert.id) && matches(alert));
  const room = new Set(fresh.slice(0, MOST_ROWS).map((alert) => alert.id)); // of a flood what the page has room for
  for (const { id } of came) if (!shown.has(id) && !room.has(id)) waiting.delete(id);
  clearTimeout(coming);
  comeIn(came.map((alert) => alert.id).filter((id) => waiting.has(id)), asked);
}

/** Bring them in, the newest first, a few milliseconds at a time: the page answers in between. */
function comeIn(ids, asked) {
  coming = 0;
  const free = asked || !busy(); // asked once a time: it makes the browser lay out the page
  const until = performance.now() + SLICE;
  for (let done = 0; free && ids.length && (done < AT_LEAST || performance.now() < until); done += 1) {
    const alert = waiting.get(ids.shift());
    if (!alert) continue;
    waiting.delete(alert.id);
    const row = rowOf(alert.id);
    if (row) fill(row, alert);
    else insert(alert);
  }
  if (free && ids.length) {
    coming = setTimeout(comeIn, 0, ids, asked);
    return;
  }
  choose.show();
  if (free && newest && waiting.size) flushTimer ||= setTimeout(flush, FLUSH_AFTER, {}); // they came meanwhile
  else offer();
}

function rowIds() {
  return new Set([...feed.children].map((row) => row.dataset.id));
}

function offerSoon() {
  offerTimer ||= setTimeout(offer, FLUSH_AFTER);
}

/** Show how many wait behind the button. */
function offer() {
  offerTimer = 0;
  if (coming) return; // they are on their way in
  const shown = rowIds();
  const fresh = [...waiting.values()].filter((alert) => !shown.has(alert.id) && matches(alert)).length;
  newer.hidden = fresh === 0;
  newer.textContent = `${fresh} new alert${fresh === 1 ? "" : "s"}`;
  document.title = fresh ? `(${fresh}) ${title}` : title;
}

function arrived(alert, raised) {
  const row = rowOf(alert.id);
  if (row && !paused) {
    fill(row, alert);
    waiting.delete(alert.id);
  } else if (row || matches(alert) || waiting.has(alert.id)) {
    waiting.set(alert.id, alert);
  }
  panel.changed(alert.id);
  if (raised && matches(alert)) {
    notes.tell(alert);
    unsaid.all += 1;
    unsaid.high += alert.severity === "high" ? 1 : 0;
    summaryTimer ||= setTimeout(summarise, summary.textContent ? SUMMARY_EVERY : 500);
  }
  if (newest) flushTimer ||= setTimeout(flush, FLUSH_AFTER, {});
  else offerSoon();
  countTimer ||= setTimeout(recount, COUNT_EVERY);
}

/** One polite sentence for those who listen, not a row at a time. */
function summarise() {
  summaryTimer = 0;
  summary.textContent = `${unsaid.all} new alert${unsaid.all === 1 ? "" : "s"}${unsaid.high ? `, ${unsaid.high} high` : ""}`;
  unsaid.all = unsaid.high = 0;
}

async function recount() {
  countTimer = 0;
  try {
    const answer = await fetch(`/admin_dashboard/counts/${here}`, {
      headers: { "X-Page": "background" },
      credentials: "same-origin",
    });
    if (answer.redirected) return; // signed out: the connection says so
    if (!answer.ok) throw new Error(answer.statusText);
    const found = await answer.json();
    for (const element of document.querySelectorAll("[data-count]")) {
      const number = found[element.dataset.count];
      if (number !== undefined) element.textContent = number;
    }
  } catch {
    countTimer ||= setTimeout(recount, COUNT_EVERY); // until then they stay as they were
  }
}

function lockChanged(memberId, lock) {
  locks.set(memberId, lock);
  for (const row of feed.children) {
    if (row.dataset.memberId !== memberId) continue;
    showLock(row, lock);
    panel.changed(row.dataset.id);
  }
}

function take(frame) {
  if (frame.alert) arrived(frame.alert, frame.kind === "alert.raised");
  else if (frame.kind === "member.locked" || frame.kind === "member.unlocked") lockChanged(frame.member_id, frame.lock);
}

/** Say so when what is on the page may be old. */
function stale({ state, heard }) {
  const line = document.querySelector("[data-stale]");
  const since = heard ?? opened;
  line.hidden = state === "live" || Date.now() - since < STALE_AFTER;
  if (!line.hidden) line.querySelector("span").textContent = `You see the alerts as they were at ${clock(since)}.`;
}

const opened = new Date();
const showConnection = connectionLine();
const live = new Live({
  path: "/ws/alerts/",
  poll: "/api/v1/feed/",
  cursor: feed.dataset.cursor,
  onFrame: take,
  onState(state) {
    connection = state;
    showConnection(state, paused);
    stale(state);
  },
  onReturn({ from, count }) {
    gap.hidden = false;
    gap.querySelector("span").textContent =
      `The connection was away from ${clock(from)} to ${clock(new Date())}; ${count} change${count === 1 ? "" : "s"} caught up.`;
  },
});

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.querySelector("span").textContent = paused ? "Go on" : "Pause";
  pause.querySelector("use").setAttribute("href", paused ? "#i-play" : "#i-pause");
  showConnection(connection, paused);
  if (!paused) flush({ asked: true });
});

newer.addEventListener("click", () => {
  if (!newest) {
    location.assign(location.pathname + newestSearch());
    return;
  }
  flush({ asked: true });
  scrollTo({ top: 0 });
  feed.querySelector("a.title")?.focus({ preventScroll: true });
});

function newestSearch() {
  const search = new URLSearchParams(here);
  search.delete("older");
  return `?${search}`;
}

// What waited comes in when nobody is at the list any more.
setInterval(() => waiting.size && newest && !busy() && flush(), 1500);
feed.addEventListener("animationend", (event) => event.target.classList.remove("fresh"));
addEventListener("beforeunload", () => live.leave());
tick();
