import { PushError } from "./errors.js";
import { LONGEST_RETRY_AFTER, POLL_ATTEMPTS, keepalive, retryDelay } from "./schedule.js";

/** How many notifications a page may hold; what the server allows at most. */
const PAGE = 100;

const POLL_BACKOFF = { base: 1000, cap: 10_000 };

/** How a follower finds out that the tab with the connection is gone without a word. No message leaves the browser. */
const LOCAL = { keepalive: { action: "ping", seconds: 20 } };

/** How large a frame from a client may be ("WebSocket frame size", API Gateway's quotas), in bytes. */
const MAX_FRAME_BYTES = 32 * 1024;

/** How many topics a message may name (docs/protocol.md, Topics). */
const TOPICS_AT_ONCE = 100;

/** The codes that say that subscribing will not succeed however often it is tried. */
const NO_TOPICS = ["UNKNOWN_ACTION", "INVALID_TOPIC"];

/** The errors for close codes that are caused by a frame of this client. */
/** @type {Record<number, string>} */
const FRAME_ERRORS = { 1003: "FRAME_REFUSED", 1009: "FRAME_TOO_LARGE" };

/** The codes that say that this connection is of no use any more. */
const ENDED_BY = new Map([
  ["TOKEN_EXPIRED", "expired"],
  ["UNKNOWN_CONNECTION", "unregistered"],
]);

/**
 * One connection, from the token to the end: opens the socket, resumes, polls again and again, tells replies apart.
 *
 * Its phases are "connecting", "resuming", "open" and "ended". It tells its owner, through `owner`:
 *
 * - `moved()` that its phase or its session has changed - `page(page, newest)` a page of history that continues what
 * was there before, or begins with the newest - `notification(notification, complete)` a live one, or a recall;
 * `complete` if nothing before it is missing - `heard(frame)` a live one, as soon as it is there - `inbox(state)` what
 * the user has seen and read - `settled()` that the second poll is done: the index shows this connection by now -
 * `topics()` what to subscribe to before the history is read; `subscribed(reply)` the reply to that - `failed(error)`
 * something to know of - `ended({reason, code, bye, final})` once, as the last; `final` if the server said to stay away
 */
export class Link {
  phase = "connecting";
  /** @type {string | null | undefined} the end of the session for which its replacement is planned */
  replacedFor = null;
  /** When the socket was open, and when the history was in; NaN before that. */
  openedAt = NaN;
  resumedAt = NaN;
  /** @type {any} what the server said last about this connection */
  session = null;

  /** @type {any} */ #socket;
  #local;
  #tools;
  #ledger;
  #owner;
  /** @type {any[] | null} live notifications that wait for the history before them; null once they need not */
  #held = [];
  /** @type {Map<string, {resolve: Function, reject: Function, timer: unknown}>} */ #asked = new Map();
  #questions = 0;
  /** @type {Set<unknown>} */ #timers = new Set();
  /** @type {unknown} */ #deadline;
  /** @type {unknown} */ #keepaliveTimer;
  /** What ends waiting for a token. */
  #abort = new AbortController();
  /** @type {unknown} */ #pongTimer;

  /**
   * @param {any} tools `now`, `random`, `setTimeout`, `clearTimeout`; and in milliseconds `connectionTimeout`, `timeout`,
   *   `pongTimeout`, `settleDelay`
   * @param {any} ledger tells from where to resume
   * @param {any} owner
   * @param {boolean} [local] whether it leads to another tab, which keeps the connection alive and polls for all
   */
  constructor(tools, ledger, owner, local = false) {
    this.#local = local;
    this.#tools = tools;
    this.#ledger = ledger;
    this.#owner = owner;
  }

  /** Whether messages can be sent. */
  get up() {
    return this.phase === "resuming" || this.phase === "open";
  }

  /**
   * Get a token and connect with it.
   *
   * @param {(about: {signal: AbortSignal}) => Promise<string | null | undefined> | string | null | undefined} getToken
   * @param {(token: string | null | undefined) => any} makeSocket
   */
  async start(getToken, makeSocket) {
    this.#expect(() => {
      this.#fail("TOKEN", "getToken timed out.");
      this.end("token");
    });
    let token;
    try {
      token = await getToken({ signal: this.#abort.signal });
      if (token && typeof token !== "string") throw new TypeError();
    } catch (cause) {
      if (this.phase === "ended") return;
      this.#fail("TOKEN", "getToken failed.", cause);
      return this.end("token");
    }
    if (this.phase === "ended") return;
    this.#expect(() => this.end("unopened"));
    try {
      this.#socket = makeSocket(token);
    } catch (cause) {
      this.#fail("SOCKET", "There is no WebSocket.", cause);
      return this.end("unopened");
    }
    this.#listen(this.#socket);
  }

  /**
   * Ask something and wait for the reply.
   *
   * @param {Record<string, unknown>} message
   * @param {boolean} [patient] whether to ask again after RATE_LIMITED: nothing has been done then
   * @returns {Promise<any>} the reply's frame
   * @throws {PushError} the server's error, or `TIMEOUT`, `CONNECTION_LOST`, `CLOSED`, `FRAME_TOO_LARGE`,
   *   `INVALID_CONTENT`
   */
  async ask(message, patient = false) {
    if (this.phase === "ended") throw new PushError("CONNECTION_LOST", "The connection has ended.");
    const requestId = `${++this.#questions}`;
    const text = frame({ ...message, requestId });
    return new Promise((resolve, reject) => {
      const send = (/** @type {number} */ refusals) => {
        const timer = this.#after(this.#tools.timeout, () => {
          this.#asked.delete(requestId);
          reject(new PushError("TIMEOUT", `${message.action} timed out.`));
        });
        const refused = (/** @type {PushError} */ problem) => {
          if (!patient || problem.code !== "RATE_LIMITED" || refusals + 1 >= POLL_ATTEMPTS) return reject(problem);
          const again = this.#after(this.#delay(problem, refusals), () => send(refusals + 1));
          this.#asked.set(requestId, { resolve, reject, timer: again });
        };
        this.#asked.set(requestId, { resolve, reject: refused, timer });
        this.#send(text);
      };
      send(0);
    });
  }

  /** Poll now, for there may be something that no push has brought: what came before a subscription. */
  async refresh() {
    await this.#repeatedly(() => this.#catchUp(this.#ledger.resumeAfter));
  }

  /** Ping now, for there is a reason to doubt that the connection is still there. */
  probe() {
    if (this.up) this.#ping();
  }

  /**
   * End the connection: no timer and no socket is left.
   *
   * @param {string} reason
   * @param {{code?: number, bye?: string, final?: boolean}} [about] the close code, or what the server's bye said
   */
  end(reason, about = {}) {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.#abort.abort();
    for (const timer of this.#timers) this.#settle(timer);
    try {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    } catch {
      // There is none yet, or it is of no use either way.
    }
    const blamed = FRAME_ERRORS[/** @type {number} */ (about.code)];
    const lost = blamed ?? (reason === "closed" ? "CLOSED" : "CONNECTION_LOST");
    const problem = new PushError(lost, "The connection has ended.");
    for (const { reject } of this.#asked.values()) reject(problem);
    if (blamed) this.#owner.failed(problem);
    this.#asked.clear();
    // Not held any longer: what is not persisted comes only once. The position stays where it is.
    if (reason !== "closed") this.#release(false);
    this.#owner.ended({ reason, ...about });
  }

  #listen(/** @type {any} */ socket) {
    socket.onopen = () => {
      this.#settle(this.#deadline);
      this.openedAt = this.#tools.now();
      this.phase = "resuming";
      this.#owner.moved();
      this.#planKeepalive();
      void this.#run();
    };
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#receive(event.data);
    // A close always follows, with all that can be known. It stays: to close a socket that is not open yet is an error too.
    socket.onerror = () => {};
    socket.onclose = (/** @type {{code?: number}} */ event) => {
      this.end(this.phase === "connecting" ? "unopened" : "dropped", { code: event?.code });
    };
  }

  /** Subscribe, resume, then poll once more: a push may not have seen this connection in the index yet. */
  async #run() {
    // In this order: a page from before a subscription would move the position past what its topic has.
    const resume = async () => {
      await this.#subscribe();
      await this.#catchUp(this.#ledger.resumeAfter);
    };
    if (!(await this.#repeatedly(resume))) return;
    const after = this.#ledger.resumeAfter;
    this.phase = "open";
    this.resumedAt = this.#tools.now();
    this.#release(true);
    this.#owner.moved();
    if (this.#local) return;
    await this.#pause(this.#tools.settleDelay);
    if (await this.#repeatedly(() => this.#catchUp(after))) this.#owner.settled();
  }

  async #subscribe() {
    const topics = this.#owner.topics();
    for (let start = 0; start < topics.length; start += TOPICS_AT_ONCE) {
      try {
        this.#owner.subscribed(await this.ask({ action: "subscribe", topics: topics.slice(start, start + TOPICS_AT_ONCE) }));
      } catch (problem) {
        if (!NO_TOPICS.includes(/** @type {PushError} */ (problem).code)) throw problem;
        this.#owner.failed(problem);
      }
    }
  }

  /** Do what keeps the connection alive. A poll closes a gap as well: a push may have failed to reach this client. */
  async #keepAlive(/** @type {"poll" | "ping"} */ action) {
    if (action === "ping") this.#ping();
    // Until it is open, polls are under way.
    else if (this.phase === "open") await this.#repeatedly(() => this.#catchUp(this.#ledger.resumeAfter));
    this.#planKeepalive();
  }

  /**
   * Fetch what came after an id, page by page, or the newest page.
   *
   * @param {string | null} after
   */
  async #catchUp(after) {
    for (let cursor = after; ; ) {
      const page = await this.ask({ action: "poll", ...(cursor && { after: cursor, limit: PAGE }) });
      if (page.notifications.some((/** @type {any} */ { id }) => typeof id !== "string")) throw new TypeError();
      this.session = page.session ?? null;
      this.#planKeepalive();
      this.#owner.moved();
      this.#owner.page(page, after === null);
      if (after === null || !page.more) return;
      // An older server has no `next`: then it is the last id, which has to lead on.
      const next = page.next ?? page.notifications.at(-1)?.id;
      if (page.next === undefined ? !(next > /** @type {string} */ (cursor)) : next === cursor) throw new TypeError();
      cursor = next;
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
      } catch (cause) {
        if (this.phase === "ended") return false;
        const problem = cause instanceof PushError ? cause : new PushError("UNREADABLE_FRAME", "It lacks something.", { cause });
        this.#owner.failed(problem);
        // The history is not in, and may not be for a while. What is live need not wait for it.
        this.#release(false);
        const { code } = problem;
        // To give up a connection because of the rate would only add to it.
        if (code === "TIMEOUT" || (code !== "RATE_LIMITED" && failures + 1 >= POLL_ATTEMPTS)) {
          this.end("stalled");
          return false;
        }
        await this.#pause(this.#delay(problem, failures));
      }
    }
  }

  #delay(/** @type {PushError} */ { retryAfter = 0 }, /** @type {number} */ failures) {
    return retryAfter * 1000 + retryDelay(failures, this.#tools.random(), POLL_BACKOFF);
  }

  #receive(/** @type {unknown} */ data) {
    this.#settle(this.#pongTimer);
    let frame;
    try {
      frame = JSON.parse(/** @type {string} */ (data));
    } catch (cause) {
      return this.#fail("UNREADABLE_FRAME", "It is not JSON.", cause);
    }
    switch (frame?.type) {
      case "notification":
      case "recall":
        return this.#live(frame);
      case "state":
        if (frame.state) this.#owner.inbox(frame.state);
        if (!frame.requestId) return;
      // falls through
      case "history":
      case "receipt":
      case "subscribed":
        return this.#answer(frame.requestId, (asked) => asked.resolve(frame));
      case "error":
        return this.#refused(refusal(frame), frame.requestId);
      case "bye": {
        const final = frame.reconnect === false || (frame.reason === "revoked" && frame.reconnect !== true);
        return this.end("bye", { bye: String(frame.reason ?? ""), final });
      }
      case undefined:
        // What API Gateway says by itself has no type, and a requestId of its own: {"message": "Too Many Requests", …}.
        return this.#refused(new PushError("GATEWAY", String(frame?.message ?? "It has no type.")));
    }
  }

  #live(/** @type {any} */ frame) {
    if (typeof frame.id !== "string") return this.#fail("UNREADABLE_FRAME", "It has no id.");
    this.#owner.heard(frame);
    const { type: _, ...notification } = frame;
    if (this.#held) this.#held.push(notification);
    else this.#owner.notification(notification, this.phase === "open");
  }

  #release(/** @type {boolean} */ complete) {
    const held = this.#held ?? [];
    this.#held = null;
    for (const notification of held) this.#owner.notification(notification, complete);
  }

  #answer(/** @type {unknown} */ requestId, /** @type {(asked: any) => void} */ tell) {
    // An error without our requestId answers what has waited longest.
    const key = String(requestId ?? this.#asked.keys().next().value);
    const asked = this.#asked.get(key);
    if (!asked) return false;
    this.#asked.delete(key);
    this.#settle(asked.timer);
    tell(asked);
    return true;
  }

  /** @param {PushError} problem @param {unknown} [requestId] */
  #refused(problem, requestId) {
    if (!this.#answer(requestId, (asked) => asked.reject(problem))) this.#owner.failed(problem);
    // Whatever was asked: this connection will answer nothing else.
    const reason = ENDED_BY.get(problem.code);
    if (reason) this.end(reason);
  }

  #planKeepalive() {
    this.#settle(this.#keepaliveTimer);
    const session = this.#local ? LOCAL : this.session;
    const { action, delay } = keepalive(session, this.#tools.random());
    this.#keepaliveTimer = this.#after(delay, () => void this.#keepAlive(action));
  }

  #ping() {
    this.#settle(this.#pongTimer);
    this.#pongTimer = this.#after(this.#tools.pongTimeout, () => this.end("silent"));
    this.#send(frame({ action: "ping" }));
  }

  #send(/** @type {string} */ text) {
    // On a socket that is closing, the reply will not come and the close will.
    if (this.#socket.readyState === 1) this.#socket.send(text);
  }

  /** @param {string} code @param {string} message @param {unknown} [cause] */
  #fail(code, message, cause) {
    this.#owner.failed(new PushError(code, message, { cause }));
  }

  /** Stop waiting for the token or for the handshake after a time. */
  #expect(/** @type {() => void} */ giveUp) {
    this.#settle(this.#deadline);
    this.#deadline = this.#after(this.#tools.connectionTimeout, giveUp);
  }

  #pause(/** @type {number} */ delay) {
    // It ends with the connection: who waits finds that, rather than nothing for ever.
    return new Promise((resolve) => {
      if (this.phase === "ended") resolve(undefined);
      this.#after(delay, resolve);
      this.#abort.signal.addEventListener("abort", resolve);
    });
  }

  #after(/** @type {number} */ delay, /** @type {(value?: any) => void} */ action) {
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

/**
 * Write a message as a frame that API Gateway takes: a larger one would cost the connection.
 *
 * @param {Record<string, unknown>} message
 * @returns {string}
 * @throws {PushError} `FRAME_TOO_LARGE`, or `INVALID_CONTENT` for what JSON cannot hold
 */
function frame(message) {
  let text;
  try {
    text = JSON.stringify(message);
  } catch (cause) {
    throw new PushError("INVALID_CONTENT", "The content is not JSON.", { cause });
  }
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_FRAME_BYTES) return text;
  throw new PushError("FRAME_TOO_LARGE", `It has ${bytes} of ${MAX_FRAME_BYTES} bytes.`);
}

/** @returns {PushError} */
function refusal(/** @type {any} */ { code, message, retryAfter }) {
  const seconds = Math.min(retryAfter, LONGEST_RETRY_AFTER);
  return new PushError(String(code), String(message), { retryAfter: seconds > 0 ? seconds : undefined });
}
