// Tells a reader of an alert or a member's file that it has changed, and leaves what they type alone.
import { Live } from "./socket.js";

const watched = document.querySelector("[data-watch]").dataset;
const changed = document.querySelector("[data-changed]");

function concerns(frame) {
  if (frame.alert) return frame.alert.id === watched.alert || (!watched.alert && frame.alert.member_id === watched.member);
  return Boolean(watched.member) && frame.member_id === watched.member && frame.kind !== "health.changed";
}

new Live({
  path: "/ws/alerts/",
  poll: "/api/v1/feed/",
  cursor: watched.cursor,
  onFrame(frame) {
    if (frame.kind === "hello" || !concerns(frame)) return;
    changed.hidden = false;
  },
  onState() {},
});
