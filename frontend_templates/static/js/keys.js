// Single keys on every page of the console. They can be switched off, and never act while somebody types.

const WAIT = 1200; // after g
const help = document.querySelector("[data-keys-help]");
const handlers = new Map();
let going = 0;

/** Let a key do something on this page: `on("j", step)`. */
export function on(key, handler) {
  handlers.set(key, handler);
}

const off = document.documentElement.dataset.keys === "off";
const typing = (element) =>
  element.isContentEditable || element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, dialog[open]");

function go(key) {
  const link = document.querySelector(`.top nav [data-key="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
}

function into(field) {
  if (!field) return false;
  field.focus();
  field.select();
  return true;
}

const search = () => into(document.querySelector("[data-search]"));
const narrow = () => into(document.querySelector("[data-first-field]"));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    if (typing(event.target) && event.target.closest("[role=search], .find")) event.target.blur();
    else if (!event.defaultPrevented) handlers.get("Escape")?.(event);
    return;
  }
  if (off || typing(event.target)) return;
  if (going) {
    clearTimeout(going);
    going = 0;
    event.preventDefault();
    go(event.key);
    return;
  }
  if (event.key === "g") {
    going = setTimeout(() => (going = 0), WAIT);
    return;
  }
  const known = { "/": search, f: narrow, "?": () => help?.showModal(), ...Object.fromEntries(handlers) }[event.key];
  if (known && known(event) !== false) event.preventDefault();
});
for (const button of document.querySelectorAll("[data-keys-button]")) {
  button.hidden = false;
  button.addEventListener("click", () => help?.showModal());
}
