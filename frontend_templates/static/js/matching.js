// Whether the page's filters let an alert through; the server's list says the same.

const WITHIN = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3, "30d": 30 * 86400e3 };
const wanted = JSON.parse(document.querySelector("[data-feed]").dataset.filter || "{}");

const oneOf = (value) => (found) => value.split(",").map((part) => part.trim()).includes(found);
const TESTS = {
  status: (value, alert) => oneOf(value)(alert.status),
  severity: (value, alert) => oneOf(value)(alert.severity),
  detector: (value, alert) => alert.detectors.includes(value),
  member: (value, alert) => alert.member_id === value,
  country: (value, alert) => alert.context?.country === value.toUpperCase(),
  network: (value, alert) => alert.context?.network_kind === value,
  ip: (value, alert) => alert.context?.ip === value,
  device: (value, alert) => alert.context?.device === value,
  disputed: (value, alert) => String(alert.disputed) === value,
  assignee: (value, alert) => (value === "none" ? !alert.assignee : alert.assignee === value),
  within: (value, alert) => Date.now() - new Date(alert.last_seen_at) <= WITHIN[value],
  occurred_after: (value, alert) => new Date(alert.last_seen_at) >= new Date(value),
  occurred_before: (value, alert) => new Date(alert.first_seen_at) <= new Date(value),
  q: (value, alert) =>
    [alert.title, alert.summary, alert.subject, alert.event_id, alert.context?.ip, alert.context?.device]
      .join("\n")
      .toLowerCase()
      .includes(value.toLowerCase()),
};

export function matches(alert) {
  const aside = Boolean(alert.snoozed_until) && new Date(alert.snoozed_until) > new Date();
  if (aside !== (wanted.snoozed === "true")) return false;
  return Object.entries(wanted).every(([name, value]) => !TESTS[name] || TESTS[name](value, alert));
}
