// Notices of this computer and a sound, both off until somebody asks for them here.

const KEY = "secureretail.notes";
const SOUND_EVERY = 10000;
const box = document.querySelector("[data-notes]");
const form = box?.querySelector("form");
let wishes = { level: ["high"], desktop: false, sound: false };
let audio = null;
let sounded = 0;

try {
  wishes = { ...wishes, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
} catch {
  // Whatever was there, it begins anew.
}

function show() {
  for (const input of form.elements) {
    if (input.name === "level") input.checked = wishes.level.includes(input.value);
    else if (input.name) input.checked = wishes[input.name];
  }
}

async function wish() {
  const given = new FormData(form);
  wishes = { level: given.getAll("level"), desktop: given.has("desktop"), sound: given.has("sound") };
  const hint = box.querySelector("[data-notes-hint]");
  if (wishes.desktop && "Notification" in window && (await Notification.requestPermission()) !== "granted") {
    wishes.desktop = false;
    hint.textContent = "Your browser does not allow notices for this page.";
  }
  if (wishes.sound) ring();
  try {
    localStorage.setItem(KEY, JSON.stringify(wishes));
  } catch {
    // Without storage they last for this page.
  }
  show();
}

/** A short, soft tone; one in ten seconds at most. */
function ring() {
  if (Date.now() - sounded < SOUND_EVERY) return;
  sounded = Date.now();
  audio ??= new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.08, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.5);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.5);
}

/** An alert came: tell of it as was wished. */
export function tell(alert) {
  if (!form || !wishes.level.includes(alert.severity)) return;
  if (wishes.sound && navigator.userActivation?.hasBeenActive) ring();
  if (wishes.desktop && document.hidden && globalThis.Notification?.permission === "granted") {
    new Notification(alert.title, { body: alert.member_id ?? alert.subject, tag: "secureretail-alert" });
  }
}

if (form) {
  box.hidden = false;
  show();
  form.addEventListener("change", wish);
}
