// Says in words how the live connection is.
import { clock } from "./words.js";

/** A function that shows each state of `Live` in the page's connection line. */
export function connectionLine() {
  const line = document.querySelector("[data-connection]");
  const text = line?.querySelector("[data-connection-text]");
  let shown = "";
  return ({ state, wait, heard }, paused = false) => {
    if (!line) return;
    const last = heard ? `, last update ${clock(heard)}` : "";
    const words = {
      live: `Live${last}`,
      paused: `Paused${last}`,
      waiting: `Reconnecting in ${wait} s${last}`,
      offline: `Offline, trying again in ${wait} s${last}`,
      "signed-out": "Signed out. ",
    };
    const name = paused && state === "live" ? "paused" : state;
    if (shown === words[name]) return;
    shown = words[name];
    line.dataset.state = name === "signed-out" ? "offline" : name;
    text.textContent = shown;
    if (name === "signed-out") {
      const link = document.createElement("a");
      link.href = `/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
      link.textContent = "Sign in again";
      text.append(link);
    }
  };
}
