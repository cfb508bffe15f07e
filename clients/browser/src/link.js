import { PushError } from "./errors.js";
import { pingDelay, retryDelay } from "./schedule.js";

/** How many notifications a page may hold; what the server allows at most. */
const PAGE = 100;

/** How often a poll is repeated that the server could not answer, before the connection is given up. */
const POLL_ATTEMPTS = 5;

const POLL_BACKOFF = { base: 1000, cap: 10_000 };

/** The codes that say that this connection is of no use any more. */
const ENDED_BY = new Map([
  ["TOKEN_EXPIRED", "expired"],
  ["UNKNOWN_CONNECTION", "unregistered"],
]);

/**
 * One connection, from the token to the end: opens the socket, resumes, polls again, pings, tells replies apart.
 *
 * Its phases are "connecting", "resuming", "open" and "ended". It tells its owner, through `owner`:
 *
 * - `moved()` that its phase or its session has changed
 * - `page(notifications, newest)` a page of history that continues what was there before, or begins with the newest
 * - `notification(notification, complete)` a live one; `complete` if nothing before it is missing
 * - `settled()` that the second poll is done: the index shows this connection by now
 * - `failed(error)` something to know of
 * - `ended({reason, code})` once, as the last
 */
export class Link {
  phase = "connecting";
  /** When the socket was open, and when the history was in; NaN before that. */
  openedAt = NaN;
  resumedAt = NaN;
  /** @type {any} what the server said last about this connection */
  session = null;

  /** @type {any} */ #socket = null;
  #tools;
  #ledger;
  #timing;
  #owner;
  /** @type {any[]} live notifications that wait for the history before them */ #held = [];
  #holding = true;
  /** @type {Map<string, {resolve: Function, reject: Function, timer: unknown}>} */ #asked = new Map();
  #questions = 0;
  /** @type {Set<unknown>} */ #timers = new Set();
  /** @type {unknown} */ #deadline = null;
  /** @type {unknown} */ #pingTimer = null;
  /** @type {unknown} */ #pongTimer = null;

  /**
   * @param {any} tools `now`, `random`, `setTimeout`, `clearTimeout`
   * @param {any} ledger tells from where to resume
   * @param {any} timing see `TIMING` in index.js
   * @param {any} owner
   */
  constructor(tools, ledger, timing, owner) {
    this.#tools = tools;
    this.#ledger = ledger;
    this.#timing = timing;
    this.#owner = owner;
  }

  /**
   * Get a token and connect with it.
   *
   * @param {() => Promise<string | null | undefined> | string | null | undefined} getToken
   * @param {(token: string | null | undefined) => any} makeSocket
   */
  async start(getToken, makeSocket) {
    this.#expect(() => {
      this.#owner.failed(new PushError("TOKEN", "The token callback did not answer in time."));
      this.end("token");
    });
    let token;
    try {
      token = await getToken();
    } catch (cause) {
      if (this.phase === "ended") return;
      this.#owner.failed(new PushError("TOKEN", "The token callback failed.", { cause }));
      this.end("token");
      return;
    }
    if (this.phase === "ended") return;
    this.#expect(() => this.end("unopened"));
    try {
      this.#socket = makeSocket(token);
    } catch (cause) {
      this.#owner.failed(new PushError("SOCKET", "The WebSocket could not be made.", { cause }));
      this.end("unopened");
      return;
    }
    this.#listen(this.#socket);
  }

  /**
   * Ask something and wait for the reply.
   *
   * @param {Record<string, unknown>} message
   * @returns {Promise<any>} the reply's frame
   * @throws {PushError} the server's error, or `TIMEOUT`, `CONNECTION_LOST`, `CLOSED`
   */
  ask(message) {
    if (this.phase === "ended") return Promise.reject(new PushError("CONNECTION_LOST", "The connection has ended."));
    const requestId = `${++this.#questions}`;
    return new Promise((resolve, reject) => {
      const timer = this.#after(this.#timing.answer, () => {
        this.#asked.delete(requestId);
        reject(new PushError("TIMEOUT", `${message.action} was not answered in time.`));
      });
      this.#asked.set(requestId, { resolve, reject, timer });
      this.#send({ ...message, requestId });
    });
  }

  /** Ping now, for there is a reason to doubt that the connection is still there. */
  probe() {
    if (this.phase === "resuming" || this.phase === "open") this.#ping();
  }

  /**
   * End the connection: no timer and no socket is left.
   *
   * @param {string} reason
   * @param {number} [code] the close code, where there was one
   */
  end(reason, code) {
    if (this.phase === "ended") return;
    this.phase = "ended";
    for (const timer of this.#timers) this.#tools.clearTimeout(timer);
    this.#timers.clear();
    if (this.#socket !== null) {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = () => {}; // Closing a socket that is not open yet is reported as an error.
      try {
        socket.close();
      } catch {
        // It is of no use either way.
      }
    }
    const lost = reason === "closed" ? "CLOSED" : "CONNECTION_LOST";
    for (const { reject } of this.#asked.values())
      reject(new PushError(lost, "The connection ended before the reply."));
    this.#asked.clear();
    // Not held any longer: what is not persisted comes only once. The position stays where it is.
    if (reason !== "closed") this.#release(false);
    this.#owner.ended({ reason, code });
  }

  #listen(/** @type {any} */ socket) {
    socket.onopen = () => {
      this.#settle(this.#deadline);
      this.openedAt = this.#tools.now();
      this.phase = "resuming";
      this.#owner.moved();
      this.#planPing();
      void this.#run();
    };
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#receive(event.data);
    socket.onerror = () => {}; // A close always follows, with all that can be known.
    socket.onclose = (/** @type {{code?: number}} */ event) => {
      this.end(this.phase === "connecting" ? "unopened" : "dropped", event?.code);
    };
  }

  /** Resume, then poll once more: a push may not have seen this connection in the index yet. */
  async #run() {
    if (!(await this.#repeatedly(() => this.#catchUp(this.#ledger.resumeAfter)))) return;
    const after = this.#ledger.resumeAfter;
    this.phase = "open";
    this.resumedAt = this.#tools.now();
    this.#release(true);
    this.#owner.moved();
    await new Promise((resolve) => this.#after(this.#timing.settle, () => resolve(undefined)));
    if (await this.#repeatedly(() => this.#catchUp(after))) this.#owner.settled();
  }

  /**
   * Fetch what came after an id, page by page, or the newest page.
   *
   * @param {string | null} after
   */
  async #catchUp(after) {
    let position = after;
    for (;;) {
      const range = position === null ? {} : { after: position, limit: PAGE };
      const page = await this.ask({ action: "poll", ...range });
      if (!Array.isArray(page.notifications)) throw new PushError("UNREADABLE_FRAME", "A history page without a list.");
      this.#heed(page.session);
      this.#owner.page(page.notifications, position === null);
      if (position === null || !page.more) return;
      const last = page.notifications.at(-1)?.id;
      if (!(last > position)) throw new PushError("UNREADABLE_FRAME", "A history page that leads nowhere.");
      position = last;
    }
  }

  /**
   * Do something that polls until it succeeds; each failure waits longer. Gives up the connection in the end.
   *
   * @param {() => Promise<void>} action
   * @returns {Promise<boolean>} whether it succeeded
   */
  async #repeatedly(action) {
    for (let failures = 0; ; failures++) {
      try {
        await action();
        return this.phase !== "ended"; // The application may have closed it meanwhile.
      } catch (problem) {
        if (this.phase === "ended") return false;
        this.#owner.failed(problem);
        // The history is not in, and may not be for a while. What is live need not wait for it.
        this.#release(false);
        if (/** @type {any} */ (problem).code === "TIMEOUT" || failures + 1 >= POLL_ATTEMPTS) {
          this.end("stalled");
          return false;
        }
        const delay = retryDelay(failures, this.#tools.random(), POLL_BACKOFF);
        await new Promise((resolve) => this.#after(delay, () => resolve(undefined)));
      }
    }
  }

  #heed(/** @type {any} */ session) {
    const changed = session?.pingIntervalSeconds !== this.session?.pingIntervalSeconds;
    this.session = session ?? null;
    if (changed) this.#planPing();
    this.#owner.moved();
  }

  #receive(/** @type {unknown} */ data) {
    this.#settle(this.#pongTimer);
    let frame;
    try {
      frame = JSON.parse(/** @type {string} */ (data));
    } catch (cause) {
      this.#owner.failed(new PushError("UNREADABLE_FRAME", "A frame that is not JSON.", { cause }));
      return;
    }
    switch (frame?.type) {
      case "notification":
        return this.#live(frame);
      case "history":
      case "receipt":
        return this.#answer(frame.requestId, (asked) => asked.resolve(frame));
      case "error":
        return this.#refused(new PushError(String(frame.code), String(frame.message)), frame.requestId);
      case "bye":
        return this.end("bye");
      case undefined:
        // What API Gateway says by itself has no type, and a requestId of its own: {"message": "Too Many Requests", …}.
        return this.#refused(new PushError("GATEWAY", String(frame?.message ?? "A frame without a type.")), undefined);
    }
  }

  #live(/** @type {any} */ frame) {
    if (typeof frame.id !== "string") {
      this.#owner.failed(new PushError("UNREADABLE_FRAME", "A notification without an id."));
      return;
    }
    const { type: _, ...notification } = frame;
    if (this.phase === "resuming" && this.#holding) this.#held.push(notification);
    else this.#owner.notification(notification, this.phase === "open");
  }

  #release(/** @type {boolean} */ complete) {
    this.#holding = false;
    const held = this.#held;
    this.#held = [];
    for (const notification of held) this.#owner.notification(notification, complete);
  }

  #answer(/** @type {unknown} */ requestId, /** @type {(asked: any) => void} */ tell) {
    // An error without our requestId answers what has waited longest.
    const key = requestId === undefined ? this.#asked.keys().next().value : String(requestId);
    const asked = key === undefined ? undefined : this.#asked.get(key);
    if (key === undefined || asked === undefined) return false;
    this.#asked.delete(key);
    this.#settle(asked.timer);
    tell(asked);
    return true;
  }

  #refused(/** @type {PushError} */ problem, /** @type {unknown} */ requestId) {
    if (!this.#answer(requestId, (asked) => asked.reject(problem))) this.#owner.failed(problem);
    // Whatever was asked: this connection will answer nothing else.
    const reason = ENDED_BY.get(problem.code);
    if (reason !== undefined) this.end(reason);
  }

  #planPing() {
    this.#settle(this.#pingTimer);
    this.#pingTimer = this.#after(pingDelay(this.session?.pingIntervalSeconds, this.#tools.random()), () => {
      this.#ping();
      this.#planPing();
    });
  }

  #ping() {
    this.#settle(this.#pongTimer);
    this.#pongTimer = this.#after(this.#timing.pong, () => this.end("silent"));
    this.#send({ action: "ping" });
  }

  #send(/** @type {unknown} */ message) {
    // On a socket that is closing, the reply will not come and the close will.
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** Give up waiting for the token or for the handshake after a time. */
  #expect(/** @type {() => void} */ giveUp) {
    this.#settle(this.#deadline);
    this.#deadline = this.#after(this.#timing.open, giveUp);
  }

  #after(/** @type {number} */ delay, /** @type {() => void} */ action) {
    if (this.phase === "ended") return null;
    const timer = this.#tools.setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delay);
    this.#timers.add(timer);
    return timer;
  }

  #settle(/** @type {unknown} */ timer) {
    if (!this.#timers.delete(timer)) return;
    this.#tools.clearTimeout(timer);
  }
}
