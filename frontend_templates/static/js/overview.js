// The overview, drawn anew by the server as things happen, at most every few seconds.
import { connectionLine } from "./connection.js";
import { freshPage, tick } from "./page.js";
import { Live } from "./socket.js";

const AT_MOST_EVERY = 4000;
const ANYWAY = 30000; // rates fall by themselves
const box = document.querySelector("[data-overview]");
let timer = 0;

const stops = () => [...box.querySelectorAll("a[href]:not([tabindex='-1']), [tabindex='0']")];
const nameOf = (stop) => stop.getAttribute("href") || stop.getAttribute("aria-label") || "";

async function draw() {
  timer = 0;
  if (document.hidden) return;
  try {
    const page = await freshPage();
    const fresh = page.querySelector("[data-overview]");
    if (!fresh) return;
    const held = stops().indexOf(document.activeElement);
    const name = held < 0 ? "" : nameOf(document.activeElement);
    box.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    tick(box);
    if (held >= 0) {
      const now = stops(); // the same thing, else what stands in its place
      const same = now[held] && nameOf(now[held]) === name ? now[held] : now.find((stop) => nameOf(stop) === name);
      (same || now[Math.min(held, now.length - 1)])?.focus({ preventScroll: true });
    }
  } catch {
    // The next thing that happens asks again.
  }
}

const soon = () => (timer ||= setTimeout(draw, AT_MOST_EVERY));

new Live({
  path: "/ws/alerts/",
  poll: "/api/v1/feed/",
  cursor: box.dataset.cursor,
  onFrame: (frame) => frame.kind !== "hello" && soon(),
  onState: connectionLine(),
});
setInterval(soon, ANYWAY);
document.addEventListener("visibilitychange", soon);
