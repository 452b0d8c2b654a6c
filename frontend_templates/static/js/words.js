// Words and numbers as the server's pages write them.

const SPANS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];
const NETWORKS = {
  hosting: "data centre",
  vpn: "VPN",
  tor: "Tor",
  cdn: "delivery network",
  bot: "known crawler",
  mobile: "mobile carrier",
  reserved: "test address",
};
export const SCOPES = {
  payments: "paying, gift cards, refunds, payouts and new cards",
  profile: "changing the password, the profile or two-step sign-in",
  everything: "paying and changing anything about the account",
};
export const BANDS = { good: "Good", fair: "Fair", at_risk: "At risk" };

const zone = document.documentElement.dataset.zone || undefined; // staff may choose their own
const countries = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });
const exactly = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short", timeZone: zone,
});
const clockly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: zone });
const shortly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });

/** Control, format and direction characters shown as escapes, so that nothing hides in a text. */
export function visible(text) {
  return String(text ?? "").replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u${char.codePointAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** How long ago, short enough for a row. */
export function ago(moment, now = Date.now()) {
  const seconds = Math.trunc((now - moment.getTime()) / 1000);
  const length = Math.abs(seconds);
  if (length < 10) return "now";
  const [size, unit] = SPANS.find(([size]) => length >= size) ?? [1, "s"];
  const text = `${Math.trunc(length / size)} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

export const exact = (moment) => exactly.format(moment);
export const clock = (moment) => clockly.format(moment);
export const shortClock = (moment) => shortly.format(moment);

export function place(context) {
  let country = "";
  try {
    country = context?.country ? countries.of(context.country) : "";
  } catch {
    country = context.country;
  }
  const where = [context?.city, country].filter(Boolean).join(", ");
  const network = NETWORKS[context?.network] ?? context?.network;
  return visible([where, network].filter(Boolean).join(" · "));
}

export const device = (context) => visible(context?.user_agent || context?.device || "");

export const capital = (word) => (word ? word[0].toUpperCase() + word.slice(1).replaceAll("_", " ") : "");

/** A time element's content and hover text, in the reader's own zone. */
export function tell(element, moment, form = element.dataset.when) {
  element.dateTime = moment.toISOString();
  element.dataset.when = form;
  element.title = exact(moment);
  element.textContent = form === "ago" ? ago(moment) : form === "clock" ? shortClock(moment) : exact(moment);
}

export function timeElement(moment, form = "ago") {
  const element = document.createElement("time");
  tell(element, new Date(moment), form);
  return element;
}
