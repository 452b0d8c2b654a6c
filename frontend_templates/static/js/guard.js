// On every page of a member: a lock, or its end, is said at once, above whatever is open. Nothing typed is touched.
import { Live } from "./socket.js";
import { visible } from "./words.js";

const bar = document.querySelector("[data-guard]");
const text = bar.querySelector("[data-guard-text]");
const link = bar.querySelector("a");

function say(words, { open = false } = {}) {
  bar.classList.toggle("open", open);
  link.hidden = open;
  text.textContent = words;
  bar.hidden = false;
}

new Live({
  path: "/ws/member/",
  poll: "/api/v1/me/feed/",
  cursor: bar.dataset.cursor,
  onFrame(frame) {
    if (frame.kind === "member.locked") {
      const words = frame.lock.state === "locked" ? "Your account was locked a moment ago." : "Your account asks for an extra check now.";
      say(`${words} ${visible(frame.lock.reason.text)}`);
    } else if (frame.kind === "member.unlocked" && !frame.lock) {
      say("Your account is open again.", { open: true });
    }
  },
  onState() {},
});
