// The alert feed, alive: rows arrive and change, and never move what is under the pointer.
import { connectionLine } from "./connection.js";
import { freshPage, tick } from "./page.js";
import { Live } from "./socket.js";
import { capital, clock, device, place, timeElement, visible } from "./words.js";

const MOST_ROWS = 300;
const COUNT_EVERY = 4000;
const SUMMARY_EVERY = 10000;

const feed = document.querySelector("[data-feed]");
const filter = feed.dataset;
const newest = filter.lastPage === "yes";
const template = document.getElementById("row-template").content.firstElementChild;
const newer = document.querySelector("[data-newer]");
const pause = document.querySelector("[data-pause]");
const summary = document.querySelector("[data-summary]");
const gap = document.querySelector("[data-gap]");
const address = { alert: (id) => `/admin_dashboard/alerts/${id}/` };
const title = document.title;

const waiting = new Map(); // alerts that came while the list must not move
const locks = new Map(); // what the frames said about members' locks
const unsaid = { all: 0, high: 0 };
let paused = false;
let countTimer = 0;
let summaryTimer = 0;
let connection = { state: "none" };

const memberUrl = (kind, id) => `/admin_dashboard/${kind}/${id.split("/").map(encodeURIComponent).join("/")}/`;
const slot = (row, name) => row.querySelector(`[data-slot="${name}"]`);
const rowOf = (id) => feed.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);

/** Whether somebody reads, points at or types into the list. */
function busy() {
  if (paused || scrollY > feed.offsetTop) return true;
  if (feed.contains(document.activeElement) || feed.querySelector("details[open]")) return true;
  if (matchMedia("(hover: hover)").matches && feed.matches(":hover")) return true;
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && feed.contains(selection.anchorNode));
}

/** Whether the page's filters let the alert through; the server's list says the same. */
function matches(alert) {
  const context = alert.context ?? {};
  if (filter.status && !filter.status.split(",").includes(alert.status)) return false;
  if (filter.severity && !filter.severity.split(",").includes(alert.severity)) return false;
  if (filter.detector && !alert.detectors.includes(filter.detector)) return false;
  if (filter.member && alert.member_id !== filter.member) return false;
  if (filter.country && context.country !== filter.country.toUpperCase()) return false;
  if (!filter.q) return true;
  const text = [alert.title, alert.summary, alert.subject, alert.event_id, context.ip, context.device].join("\n");
  return text.toLowerCase().includes(filter.q.toLowerCase());
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

/** Put an alert where it belongs by its age; not at all when it is older than the page reaches. */
function insert(alert) {
  const row = template.cloneNode(true);
  fill(row, alert);
  const rows = [...feed.children];
  const next = rows.find((other) => (other.dataset.created ?? "") <= alert.created_at);
  if (!next && rows.length && document.querySelector('[rel="next"]')) return;
  feed.insertBefore(row, next ?? null);
  row.classList.add("fresh");
  feed.hidden = false;
  document.querySelector("[data-empty]").hidden = true;
  while (feed.childElementCount > MOST_ROWS) feed.lastElementChild.remove();
}

function flush() {
  const came = [...waiting.values()];
  waiting.clear();
  for (const alert of came.sort((a, b) => (a.created_at < b.created_at ? -1 : 1))) {
    const row = rowOf(alert.id);
    if (row) fill(row, alert);
    else if (matches(alert)) insert(alert);
  }
  offer();
}

/** Show how many wait behind the button. */
function offer() {
  const fresh = [...waiting.values()].filter((alert) => !rowOf(alert.id) && matches(alert)).length;
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
  if (raised && matches(alert)) {
    unsaid.all += 1;
    unsaid.high += alert.severity === "high" ? 1 : 0;
    summaryTimer ||= setTimeout(summarise, summary.textContent ? SUMMARY_EVERY : 500);
  }
  if (newest && !busy()) flush();
  else offer();
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
    const page = await freshPage();
    for (const element of document.querySelectorAll("[data-count]")) {
      const same = page.querySelector(`[data-count="${element.dataset.count}"]`);
      if (same) element.textContent = same.textContent;
    }
  } catch {
    // The counts stay as they were; the next change asks again.
  }
}

function lockChanged(memberId, lock) {
  locks.set(memberId, lock);
  for (const row of feed.children) if (row.dataset.memberId === memberId) showLock(row, lock);
}

function take(frame) {
  if (frame.alert) arrived(frame.alert, frame.kind === "alert.raised");
  else if (frame.kind === "member.locked" || frame.kind === "member.unlocked") lockChanged(frame.member_id, frame.lock);
}

const showConnection = connectionLine();
const live = new Live({
  path: "/ws/alerts/",
  poll: "/api/v1/feed/",
  cursor: filter.cursor,
  onFrame: take,
  onState(state) {
    connection = state;
    showConnection(state, paused);
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
  if (!paused) flush();
});

newer.addEventListener("click", () => {
  if (!newest) {
    location.assign(location.pathname + newestSearch());
    return;
  }
  flush();
  scrollTo({ top: 0 });
  feed.querySelector("a.title")?.focus({ preventScroll: true });
});

function newestSearch() {
  const search = new URLSearchParams(location.search);
  search.delete("older");
  return search.size ? `?${search}` : "";
}

// What waited comes in when nobody is at the list any more.
setInterval(() => waiting.size && newest && !busy() && flush(), 1500);
feed.addEventListener("animationend", (event) => event.target.classList.remove("fresh"));
addEventListener("beforeunload", () => live.leave());
tick();
