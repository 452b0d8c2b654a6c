// Working the list by hand: rows open beside it, keys move and act, the address can be copied.
import * as choose from "./choose.js";
import * as keys from "./keys.js";
import { act, toast } from "./page.js";
import * as panel from "./panel.js";

const feed = document.querySelector("[data-feed]");
const rows = () => [...feed.children];
const link = (row) => row?.querySelector("a.title");

/** The row under the keyboard: focused, else open beside the list. */
function current() {
  const open = panel.openAlert();
  return feed.contains(document.activeElement)
    ? document.activeElement.closest("li")
    : feed.querySelector(`:scope > [data-id="${CSS.escape(open || "none")}"]`);
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.indexOf(current());
  const next = all[here < 0 ? 0 : Math.min(Math.max(here + by, 0), all.length - 1)];
  if (panel.openAlert()) panel.open(next.dataset.id);
  else link(next).focus();
  next.scrollIntoView({ block: "nearest" });
}

/** Unfold a small form of the open panel, else of the row, and go into it. */
async function unfold(name) {
  const row = current();
  if (!row) return;
  const sheet = row.querySelector(`[data-act="${name}"]`);
  if (!panel.openAlert() && sheet && !sheet.hidden) {
    sheet.open = true;
    sheet.querySelector("input:not([type=hidden])").focus();
    return;
  }
  if (!panel.openAlert()) await panel.open(row.dataset.id);
  const form = document.querySelector(`[data-panel] [data-key-act="${name}"]`);
  const folded = form?.closest("details");
  if (folded) folded.open = true;
  form?.querySelector("input:not([type=hidden])")?.focus();
}

function assign() {
  const row = current();
  if (!row) return;
  const form = row.querySelector('[data-act="acknowledge"]')?.cloneNode(true);
  if (!form) return; // who may only read
  form.action = `/admin_dashboard/alerts/${row.dataset.id}/assign/`;
  act(form);
}

feed.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const title = event.target.closest("a.title");
  if (!title) return;
  event.preventDefault();
  panel.open(title.closest("li").dataset.id);
});

panel.stepping(step);
keys.on("j", () => step(1));
keys.on("k", () => step(-1));
keys.on("ArrowDown", () => (current() ? step(1) : false));
keys.on("ArrowUp", () => (current() ? step(-1) : false));
keys.on("x", () => choose.pick(current()));
keys.on("X", () => choose.pick(current(), { range: true, on: true }));
keys.on("r", () => unfold("resolve"));
keys.on("u", () => unfold("unlock"));
keys.on("l", () => unfold("lock"));
keys.on("a", assign);
keys.on("Escape", () => {
  if (document.querySelector("details.ask[open]:not(.here)")) return;
  if (panel.openAlert()) panel.close();
  else if (choose.chosen()) choose.none();
  else if (feed.contains(document.activeElement)) document.activeElement.blur();
});

const copy = document.querySelector("[data-copy-link]");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  const here = location.href;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(here);
    toast("The link to this view is copied.");
  });
}
