// Rows that are chosen, one by one, a range, or all that match, and the steps taken on all of them.
import { send, toast } from "./page.js";

const bar = document.querySelector("[data-bulk]");
const feed = document.querySelector("[data-feed]");
let last = null; // where a range begins

const boxes = () => [...feed.querySelectorAll("[data-pick]")];

export const chosen = () => boxes().filter((box) => box.checked).length;

/** Choose a row or let it go; with `range` everything from the last one to it. */
export function pick(row, { range = false, on = null } = {}) {
  const box = row?.querySelector("[data-pick]");
  if (!box) return;
  const wanted = on ?? !box.checked;
  if (range && last?.isConnected) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) between.checked = wanted;
  } else box.checked = wanted;
  last = box;
  show();
}

export function none() {
  for (const box of boxes()) box.checked = false;
  if (bar) bar.elements.all.checked = false;
  show();
}

/** Say how many are chosen. */
export function show() {
  if (!bar) return;
  const all = bar.elements.all.checked;
  const number = chosen();
  const tab = document.querySelector(".tabs [aria-current] .count")?.textContent ?? "";
  bar.querySelector("[data-chosen]").textContent = all ? `All ${tab} that match:` : number ? `${number} chosen:` : "Choose rows, then:";
  bar.querySelector("[data-none]").hidden = !all && !number;
  bar.classList.toggle("active", all || number > 0);
  for (const button of bar.querySelectorAll('[type="submit"]')) button.disabled = !all && !number;
}

if (bar) {
  feed.addEventListener("click", (event) => {
    const box = event.target.closest("[data-pick]");
    if (box) pick(box.closest("li"), { range: event.shiftKey, on: box.checked });
  });
  bar.elements.all.addEventListener("change", show);
  bar.querySelector("[data-none]").addEventListener("click", none);
  bar.addEventListener("submit", async (event) => {
    event.preventDefault();
    const step = event.submitter.value;
    const answer = await send(bar, event.submitter);
    show();
    if (!answer) return;
    if (answer.data.ask) {
      // A reason or a number has to be typed: a page of its own asks for it.
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "step", value: step });
      bar.append(field);
      HTMLFormElement.prototype.submit.call(bar);
      return;
    }
    toast(answer.data.message, { level: answer.data.level, undo: answer.data.undo });
    if (answer.ok) none();
  });
  show();
}
