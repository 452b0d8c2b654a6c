// The live connection: frames in order, none twice, none missing. It comes back by itself and polls meanwhile.

const SILENCE = 25000; // a heartbeat comes every 10 s
const POLL_EVERY = 10000;
const ACK_FRAMES = 50;
const ACK_BYTES = 65536;
const LONGEST_WAIT = 30;
const OVER = { 4401: "signed-out", 4403: "signed-out" };

export class Live {
  /**
   * `path` is the socket, `poll` the address that says the same without one, `cursor` what the page already shows.
   * `onFrame(frame)` gets each frame once, in order; `onState({state, wait, heard})` how the connection is;
   * `onReturn({from, count})` what was caught up after a break.
   */
  constructor({ path, poll, cursor, onFrame, onState, onReturn = () => {} }) {
    Object.assign(this, { path, poll, cursor, onFrame, onState, onReturn });
    this.tries = 0;
    this.heard = null;
    this.lost = null;
    this.over = false;
    this.frames = this.bytes = 0;
    this.caughtUp = 0;
    addEventListener("online", () => this.now());
    addEventListener("offline", () => this.socket?.close());
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", (event) => event.persisted && this.connect());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.now());
    setInterval(() => this.watch(), 5000);
    this.connect();
  }

  connect() {
    if (this.over) return;
    this.leaving = false;
    clearInterval(this.countdown);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}`);
    this.socket = socket;
    this.opened = Date.now();
    socket.onmessage = (event) => socket === this.socket && this.take(event.data);
    socket.onclose = (event) => socket === this.socket && this.closed(event.code);
  }

  take(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    this.heard = new Date();
    this.bytes += text.length;
    if (frame.kind === "hello") this.greeted(frame);
    else if (frame.kind === "behind") this.resume();
    else if (frame.kind === "heartbeat") {
      if (frame.cursor > this.cursor) this.resume();
      else this.settle();
    } else this.deliver(frame);
    this.credit();
    this.state("live");
  }

  greeted(frame) {
    this.tries = 0;
    clearInterval(this.polling);
    this.polling = 0;
    this.onFrame(frame);
    this.resume();
  }

  deliver(frame) {
    if (!frame.cursor || frame.cursor <= this.cursor) return;
    this.cursor = frame.cursor;
    this.frames += 1;
    if (this.lost) this.caughtUp += 1;
    this.onFrame(frame);
  }

  /** After a break: once nothing is missing any more, say how much was. */
  settle() {
    if (!this.lost) return;
    if (this.caughtUp) this.onReturn({ from: this.lost, count: this.caughtUp });
    this.lost = null;
    this.caughtUp = 0;
  }

  credit() {
    if (this.frames < ACK_FRAMES && this.bytes < ACK_BYTES) return;
    this.frames = this.bytes = 0;
    this.say({ kind: "ack", cursor: this.cursor });
  }

  resume() {
    this.say({ kind: "resume", after: this.cursor });
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  closed(code) {
    this.socket = null;
    if (this.leaving) return;
    if (OVER[code]) {
      this.over = true;
      clearInterval(this.polling);
      this.state(OVER[code]);
      return;
    }
    this.lost ??= this.heard ?? new Date();
    this.tries += 1;
    let wait = Math.max(1, Math.round(Math.min(LONGEST_WAIT, 2 ** (this.tries - 1)) * (0.6 + Math.random() * 0.8)));
    const count = () => {
      if (wait <= 0) this.connect();
      else this.state(navigator.onLine && this.tries < 6 ? "waiting" : "offline", wait);
      wait -= 1;
    };
    clearInterval(this.countdown);
    this.countdown = setInterval(count, 1000);
    count();
    this.polling ||= setInterval(() => this.ask(), POLL_EVERY);
  }

  /** Try at once, when there is a reason to hope. */
  now() {
    if (this.socket || this.over || this.leaving) return;
    this.tries = Math.max(0, this.tries - 1);
    this.connect();
  }

  leave() {
    this.leaving = true;
    clearInterval(this.countdown);
    clearInterval(this.polling);
    this.polling = 0;
    const last = this.socket;
    this.socket = null;
    if (!last) return;
    if (last.readyState === WebSocket.CONNECTING) last.onopen = () => last.close();
    else last.close();
  }

  watch() {
    if (!this.socket) return;
    const last = Math.max(this.opened, this.heard?.getTime() ?? 0);
    if (Date.now() - last > SILENCE) {
      const silent = this.socket;
      this.closed(0);
      silent.close();
    }
  }

  async ask() {
    try {
      for (let more = true; more; ) {
        const answer = await fetch(`${this.poll}?after=${encodeURIComponent(this.cursor)}`, { credentials: "same-origin" });
        if (answer.status === 401 || answer.status === 403) {
          this.over = true;
          clearInterval(this.countdown);
          clearInterval(this.polling);
          this.state("signed-out");
        }
        if (!answer.ok) return;
        const page = await answer.json();
        this.heard = new Date();
        page.results.forEach((frame) => this.deliver(frame));
        if (page.cursor > this.cursor) this.cursor = page.cursor;
        more = page.more;
      }
    } catch {
      // Still away: the next round tries again.
    }
  }

  state(state, wait = 0) {
    this.onState({ state, wait, heard: this.heard });
  }
}
