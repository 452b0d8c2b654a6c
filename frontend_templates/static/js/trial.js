// A back-test that runs: its page is read again until it is over.
import { freshPage, tick } from "./page.js";

const EVERY = 1000;

async function follow() {
  const shown = document.querySelector("[data-trial]");
  if (!("running" in shown.dataset)) return;
  try {
    const fresh = (await freshPage()).querySelector("[data-trial]");
    if (!fresh) return location.reload();
    if (!("running" in fresh.dataset)) return location.reload(); // the whole page, with its head, as it is now
    shown.replaceChildren(...fresh.childNodes);
    tick(shown);
  } catch {
    // away for a moment: asked again
  }
  setTimeout(follow, EVERY);
}

setTimeout(follow, EVERY);
