// The unlock page's clocks. They run from the server's seconds, so a wrong clock here does not matter.
const box = document.querySelector("[data-code]");
const resends = [...document.querySelectorAll("[data-resend]")];
const hint = document.querySelector("[data-resend-hint]");
const began = performance.now();
const passed = () => (performance.now() - began) / 1000;

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function life() {
  const left = Number(box.dataset.secondsLeft) - passed();
  const alive = box.querySelector("[data-alive]");
  if (alive.hidden) return;
  box.querySelector("[data-left]").hidden = false;
  box.querySelector("[data-countdown]").textContent = minutes(Math.max(0, left));
  if (left <= 0) {
    alive.hidden = true;
    box.querySelector("[data-over]").hidden = false;
    resends[0]?.classList.add("first");
    resends[0]?.focus();
  }
}

function again() {
  if (!hint) return;
  const left = Math.ceil(Number(box.dataset.resendIn) - passed());
  for (const button of resends) button.disabled = left > 0;
  hint.textContent = left > 0 ? `possible in ${left} s` : "";
}

function tick() {
  life();
  again();
}

if (box) {
  tick();
  setInterval(tick, 500);
}
