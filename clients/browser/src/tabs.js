/**
 * One connection for all tabs of a user: a Web Lock elects the tab that holds it, the leader, and a BroadcastChannel
 * passes on to the others, the followers, what comes. A follower has a socket too, to the leader: so it resumes by a poll
 * of its own, with its own position, and nothing is lost when the leader changes.
 *
 * On the channel, `id` being a leader's and `socket` that of a follower's socket:
 *
 * - `{lead: id}` a tab has become the leader; `{up: id}` its connection is open; `{down: code}` it is not any more
 * - `{hello: socket}` a follower asks whether there is a leader; `{to: socket, by: id, open}` is the leader's answer
 * - `{from: socket, at: id, text}` a frame of a follower's; `{to: socket, text}` the reply; `{text}` for all followers
 * - `{unwanted: topics}` a tab has unsubscribed, for all
 * - `{sleep: true}`, `{wake: true}` all tabs have been hidden for long, or one is looked at again
 *
 * A leader that hangs is replaced. When it goes on, it is asked for nothing that another leader was asked for, and a late
 * reply of its is not taken for one to the next socket.
 */

/** How long a leader may take to say that it is there, before its place is taken. */
const ALIVE = 5_000;

/** Whether this can share a connection at all. */
export function canShare() {
  try {
    new BroadcastChannel("").close(); // May be there and throw, where storage is forbidden.
    return !!navigator.locks;
  } catch {
    return false;
  }
}

export class Tabs {
  leader = false;
  id = crypto.randomUUID();
  /** @type {string | undefined} the leader that this tab follows */
  #leading;
  #name;
  #tools;
  #owner;
  /** @type {BroadcastChannel | null} */
  #channel;
  /** @type {AbortController | null | undefined} ends taking part in the election */
  #presence;
  /** @type {ReturnType<typeof tabSocket> | undefined} a follower's */
  #socket;
  /** @type {((value?: unknown) => void) | null | undefined} lets go of the lock that says that this tab was looked at lately */
  #unseen;

  /**
   * @param {string} name
   * @param {any} tools `setTimeout` and `clearTimeout`
   * @param {any} owner `role()` when this tab leads or follows, `open()` whether there is a connection, `ask(message)`,
   *   `unwant(topics)`, `sleep()`, `wake()`, `up()` when the leader's connection is open
   */
  constructor(name, tools, owner) {
    this.#name = name;
    this.#tools = tools;
    this.#owner = owner;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /**
   * Take part in the election, and lead whenever the lock is granted.
   *
   * @param {LockOptions} [options] the first time: to know at once whether there is a leader
   */
  async start(options = { ifAvailable: true }) {
    if (this.#presence) return;
    const presence = (this.#presence = new AbortController());
    while (!presence.signal.aborted) {
      try {
        await navigator.locks.request(this.#name, options, (lock) => this.#granted(lock, presence.signal));
      } catch (problem) {
        if (/** @type {Error} */ (problem).name !== "AbortError") return this.#become(true); // No locks here: alone.
        // The lock was taken by a tab to which this one seemed dead.
        if (!presence.signal.aborted) this.#become(false);
      }
      options = { signal: presence.signal };
    }
  }

  /** Take no more part: the next tab leads. For a tab that is frozen as well, which would be granted the lock. */
  leave() {
    this.#presence?.abort();
    this.#presence = null;
    this.leader = false;
  }

  close() {
    this.leave();
    this.seen(false);
    this.#channel?.close();
    this.#channel = null;
  }

  /** Open a socket to the leader. */
  socket() {
    const id = crypto.randomUUID();
    const socket = tabSocket(
      id,
      (text) => this.tell({ from: id, at: this.#leading, text }),
      () => this.#socket === socket && this.steal(),
      this.#tools,
    );
    this.#socket = socket;
    this.tell({ hello: id });
    return socket;
  }

  tell(/** @type {any} */ message) {
    this.#channel?.postMessage(message); // After the end, the reply to a follower has nowhere to go.
  }

  /** Tell the followers. */
  lead(/** @type {any} */ message) {
    if (this.leader) this.tell(message);
  }

  /** Pass a frame on to the followers. */
  share(/** @type {unknown} */ frame) {
    this.lead({ text: JSON.stringify(frame) });
  }

  /** Note whether this tab was looked at lately: by a lock that all such tabs share, and that ends with a tab. */
  seen(/** @type {boolean} */ lately) {
    if (lately && this.#unseen) return;
    this.#unseen?.();
    this.#unseen = null;
    if (!lately) return;
    const held = new Promise((resolve) => (this.#unseen = resolve));
    navigator.locks.request(`${this.#name} seen`, { mode: "shared" }, () => held).catch(() => {});
  }

  /** Find out whether any tab was. */
  anySeen() {
    return navigator.locks.request(`${this.#name} seen`, { ifAvailable: true }, (lock) => !lock).catch(() => false);
  }

  /** Take the place of a leader that does not answer. */
  steal() {
    this.leave();
    void this.start({ steal: true });
  }

  #granted(/** @type {Lock | null} */ lock, /** @type {AbortSignal} */ signal) {
    if (signal.aborted) return;
    this.#become(!!lock);
    if (lock) return new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  #become(/** @type {boolean} */ leader) {
    this.leader = leader;
    if (leader) this.tell({ lead: this.id });
    this.#owner.role();
  }

  #hear(/** @type {any} */ { lead, up, down, hello, from, at, to, by, open, text, unwanted, sleep, wake }) {
    if (unwanted) return this.#owner.unwant(unwanted);
    if (sleep) return this.#owner.sleep();
    if (wake) return this.#owner.wake();
    if (this.leader) {
      if (hello) this.tell({ to: hello, by: this.id, open: this.#owner.open() });
      else if (at === this.id) void this.#answer(from, JSON.parse(text));
      return;
    }
    if (to && to !== this.#socket?.id) return;
    // The first to answer: the one before it may still believe that it leads.
    if (lead || this.#socket?.readyState === 0) this.#leading = lead ?? by ?? up ?? this.#leading;
    if (lead || down) this.#socket?.end(down);
    if (lead) this.#owner.role();
    if (up || by) this.#socket?.alive(up ?? open);
    if (up) this.#owner.up();
    if (text && !from) this.#socket?.receive(text);
  }

  async #answer(/** @type {string} */ to, /** @type {any} */ { requestId, ...message }) {
    const reply = (/** @type {unknown} */ frame) => this.tell({ to, text: JSON.stringify(frame) });
    if (message.action === "ping") return reply({ type: "pong" });
    try {
      reply({ ...(await this.#owner.ask(message)), requestId });
    } catch (problem) {
      const { code, message: text, retryAfter } = /** @type {any} */ (problem);
      reply({ type: "error", code, message: text, retryAfter, requestId });
    }
  }
}

/**
 * Make what a follower has in place of a WebSocket.
 *
 * @param {string} id
 * @param {(text: string) => void} send
 * @param {() => void} dead called where no leader answers
 * @param {any} tools
 */
function tabSocket(id, send, dead, { setTimeout, clearTimeout }) {
  const timer = setTimeout(dead, ALIVE);
  /** @type {any} its handlers are set by the link */
  const socket = {
    id,
    send,
    readyState: 0,
    /** There is a leader; whether its connection is open. */
    alive(/** @type {unknown} */ open) {
      clearTimeout(timer);
      if (!open || socket.readyState !== 0) return;
      socket.readyState = 1;
      socket.onopen({});
    },
    receive(/** @type {string} */ data) {
      if (socket.readyState === 1) socket.onmessage({ data });
    },
    end(/** @type {number | undefined} */ code) {
      // One that waits for a connection goes on waiting.
      if (socket.readyState !== 1) return;
      socket.close();
      socket.onclose({ code });
    },
    close() {
      clearTimeout(timer);
      socket.readyState = 3;
    },
  };
  return socket;
}
