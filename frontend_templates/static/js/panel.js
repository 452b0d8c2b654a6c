// One alert beside the list: its own address, back works, and it is drawn by the server.
import { freshPage, tick } from "./page.js";

const SKELETON_AFTER = 200;
const PRESENCE_EVERY = 15000;

const panel = document.querySelector("[data-panel]");
const part = (name) => panel.querySelector(`[data-panel-${name}]`);
const home = location.pathname + location.search;
const addressOf = (id) => `/admin_dashboard/alerts/${id}/`;

let shown = ""; // the alert that is open
let turn = 0;
let presenceTimer = 0;
let drawTimer = 0;
let returnTo = null;
let onStep = () => {};

export const openAlert = () => shown;
export const stepping = (step) => (onStep = step);

/** Open an alert; `push` writes its address. */
export async function open(id, { push = true } = {}) {
  if (push) history[shown ? "replaceState" : "pushState"]({ alert: id }, "", addressOf(id));
  if (!shown) returnTo = document.activeElement;
  leave();
  shown = id;
  mark();
  panel.hidden = false;
  document.body.classList.add("beside");
  await draw({ focus: true });
  look();
  clearInterval(presenceTimer);
  presenceTimer = setInterval(look, PRESENCE_EVERY);
}

/** Draw what is open as the server has it now. */
export async function draw({ focus = false } = {}) {
  const mine = ++turn;
  const scroll = focus ? 0 : panel.scrollTop;
  part("fault").hidden = part("changed").hidden = true;
  const slow = focus && setTimeout(() => mine === turn && wait(true), SKELETON_AFTER);
  try {
    const page = await freshPage(addressOf(shown));
    if (mine !== turn) return;
    if (!page.body.dataset.alert) {
      location.reload(); // signed out, or something only a whole page can say
      return;
    }
    const held = panel.contains(document.activeElement);
    part("body").replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
    tick(part("body"));
    panel.scrollTop = scroll;
    if (focus || held) part("body").querySelector(".panel-title")?.focus({ preventScroll: true });
  } catch {
    if (mine !== turn) return;
    part("body").replaceChildren();
    part("fault").hidden = false;
  } finally {
    clearTimeout(slow);
    if (mine === turn) wait(false);
  }
}

/** What is open has changed: drawn anew, but never under somebody's typing. */
export function changed(id) {
  if (id !== shown) return;
  if (typing()) part("changed").hidden = false;
  else {
    clearTimeout(drawTimer);
    drawTimer = setTimeout(draw, 150);
  }
}

function wait(on) {
  part("wait").hidden = !on;
  if (on) part("body").replaceChildren();
}

/** Whether somebody types into the open alert; then it is not drawn anew under their hands. */
export function typing() {
  return [...part("body").querySelectorAll("textarea, input:not([type=hidden], [type=radio], [type=checkbox])")].some(
    (field) => field.value !== field.defaultValue,
  );
}

export function close({ back = true } = {}) {
  if (!shown) return;
  leave();
  shown = "";
  turn += 1;
  mark();
  clearInterval(presenceTimer);
  panel.hidden = true;
  document.body.classList.remove("beside");
  part("body").replaceChildren();
  if (back) history.state?.alert ? history.back() : history.replaceState(null, "", home);
  if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
}

function mark() {
  for (const row of document.querySelectorAll(".feed > li.open")) row.classList.remove("open");
  if (shown) document.querySelector(`.feed > li[data-id="${CSS.escape(shown)}"]`)?.classList.add("open");
}

/** Say that we look, and show who else does. */
async function look() {
  if (!shown || document.hidden) return;
  const id = shown;
  try {
    const answer = await fetch(`${addressOf(id)}looking/`, presence());
    if (!answer.ok || id !== shown) return;
    const { others } = await answer.json();
    part("presence").textContent = others.length ? `${others.join(", ")} ${others.length > 1 ? "are" : "is"} looking too` : "";
  } catch {
    part("presence").textContent = "";
  }
}

function leave() {
  if (!shown) return;
  part("presence").textContent = "";
  fetch(`${addressOf(shown)}looking/`, { ...presence({ gone: "1" }), keepalive: true }).catch(() => {});
}

function presence(said = {}) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  return {
    method: "POST",
    body: new URLSearchParams({ csrfmiddlewaretoken: token, ...said }),
    headers: { "X-Page": "background" },
    credentials: "same-origin",
  };
}

addEventListener("popstate", (event) => {
  if (event.state?.alert) open(event.state.alert, { push: false });
  else close({ back: false });
});
addEventListener("pagehide", leave);
part("close").addEventListener("click", () => close());
part("changed").querySelector("button").addEventListener("click", () => draw());
part("again").addEventListener("click", () => draw({ focus: true }));
for (const button of panel.querySelectorAll("[data-panel-step]")) {
  button.addEventListener("click", () => onStep(Number(button.dataset.panelStep)));
}
document.addEventListener("acted", ({ detail }) => {
  if (shown && (panel.contains(detail.form) || detail.form.closest(".toast"))) draw();
});
