// What every page does: times in the reader's zone, messages that go away, copying, forms without a reload.
import { tell, visible } from "./words.js";

const STAYS = { plain: 6000, undo: 10000 };

export function tick(root = document) {
  for (const element of root.querySelectorAll("time[data-when]")) tell(element, new Date(element.dateTime));
}

/** Show a message; `undo` is the address that takes the step back. */
export function toast(message, { level = "success", undo = null } = {}) {
  const box = document.querySelector("[data-toasts]");
  const made = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  made.classList.add(level);
  made.querySelector("p").textContent = visible(message);
  const form = made.querySelector("form");
  if (undo) {
    form.action = undo;
    form.hidden = false;
    form.dataset.live = "";
  }
  box.append(made);
  while (box.childElementCount > 4) box.firstElementChild.remove();
  letGo(made, undo ? STAYS.undo : STAYS.plain);
  return made;
}

function letGo(element, after) {
  let timer = 0;
  const wait = () => {
    timer = setTimeout(() => element.remove(), after);
  };
  const hold = () => clearTimeout(timer);
  element.addEventListener("pointerenter", hold);
  element.addEventListener("focusin", hold);
  element.addEventListener("pointerleave", wait);
  element.addEventListener("focusout", wait);
  element.querySelector("[data-close]")?.addEventListener("click", () => element.remove());
  wait();
}

/** Send a form as the person would, and hand back what became of it; null when the page had to leave. */
export async function send(form, submitter = null) {
  const body = new FormData(form, submitter);
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body,
      headers: { "X-Page": "live", Accept: "application/json" },
      credentials: "same-origin",
    });
    if (!answer.headers.get("Content-Type")?.includes("json")) {
      location.reload(); // signed out, or something only a whole page can say
      return null;
    }
    return { ok: answer.ok, status: answer.status, data: await answer.json() };
  } catch {
    return { ok: false, status: 0, data: { message: "There is no connection. Nothing was changed.", level: "error" } };
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

/** Send a form and say what became of it; true when it was done. */
export async function act(form) {
  const answer = await send(form);
  if (!answer) return false;
  if (answer.data.go) {
    location.assign(answer.data.go);
    return false;
  }
  toast(answer.data.message ?? "Done.", { level: answer.data.level ?? "success", undo: answer.data.undo });
  document.dispatchEvent(new CustomEvent("acted", { detail: { form, ok: answer.ok } }));
  return answer.ok;
}

/**
 * The page as the server has it now, without running anything. Rejects when it cannot be had. `by` is "background" where
 * nobody pressed anything: that keeps no session alive.
 */
export function freshPage(address = location.href, by = "live") {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.setRequestHeader("X-Page", by);
    request.responseType = "document";
    request.timeout = 10000;
    request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject(request.status));
    request.onerror = request.ontimeout = () => reject(0);
    request.send();
  });
}

function copying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = button.parentElement.querySelector("[data-copy-text]");
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

function closing() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest?.("details.ask[open]") ?? document.querySelector("details.ask[open]:not(.here)");
    if (!open) return;
    event.preventDefault();
    open.open = false;
    open.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.ask[open]:not(.here)")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
}

tick();
setInterval(tick, 15000);
copying();
closing();
document.querySelector("nav.console [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
for (const element of document.querySelectorAll("[data-toast]")) letGo(element, element.querySelector("form") ? STAYS.undo : STAYS.plain);
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("live" in form.dataset)) return;
  event.preventDefault();
  if (await act(form)) {
    const sheet = form.closest("details");
    if (sheet) {
      sheet.open = false;
      form.reset();
      sheet.querySelector("summary").focus();
    }
    form.closest(".toast")?.remove();
  }
});
