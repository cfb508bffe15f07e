/**
 * Many browser clients in one process: `node clients.mjs`, told what to do, and telling what they do, by lines of JSON.
 *
 * In: {"do": "open", "client", "url", "topics"}, {"do": "reload", "client"}, {"do": "count"}, {"do": "end"}, {"do": "mark",
 * "client", "how", "id"} with a method of the inbox, {"do": "inboxes"}.
 * Out: {"event": "shown", "client", "id", "ticket", "via"}, {"event": "state", "client", "state", "at"},
 * {"event": "error", "client", "code", "message"}, {"event": "count", "frames", "entries", "disordered"}, {"event":
 * "inboxes", "inboxes"} with what each client shows: "unread", "seen" and "read", the ids.
 */

import { createInterface } from "node:readline";
import { createInbox } from "../../clients/browser/src/inbox.js";
import { createPushClient } from "../../clients/browser/src/index.js";

/** As in a browser, but sooner: a run should not last for minutes. */
const TIMING = {
  connectionTimeout: 8_000,
  timeout: 8_000,
  pongTimeout: 4_000,
  settleDelay: 1_000,
  minUptime: 5_000,
  minReconnectDelay: 300,
  maxReconnectDelay: 2_000,
};

const clients = new Map();
const count = { frames: 0, entries: 0, disordered: 0 };

/** Counts every copy of a notification that comes over the wire, shown or not, and the pages that are not in order. */
class Counted extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "notification") count.frames++;
      if (frame.type !== "history") return;
      count.entries += frame.notifications.length;
      const ids = frame.notifications.map(({ id }) => id);
      if (ids.some((id, index) => index > 0 && id <= ids[index - 1])) count.disordered++;
    });
  }
}

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** Keeps a client's position as localStorage does, across what a page calls a reload. */
function memory() {
  let kept = null;
  return { load: () => kept, save: (text) => (kept = text) };
}

function open(client, url, topics, store) {
  const shown = new Set();
  const push = createPushClient({
    url,
    topics,
    store,
    ...TIMING,
    WebSocket: Counted,
    onNotification: ({ id, content }, { via }) => {
      shown.add(id);
      tell({ event: "shown", client, id, ticket: content, via });
    },
    onState: (state) => tell({ event: "state", client, state, at: Date.now() }),
    onError: ({ code, message }) => tell({ event: "error", client, code, message }),
  });
  const inbox = createInbox(push, { onError: ({ code, message }) => tell({ event: "error", client, code, message }) });
  clients.set(client, { push, url, topics, store, inbox, shown });
}

const actions = {
  open: ({ client, url, topics }) => open(client, url, topics, memory()),
  reload: ({ client }) => {
    const { push, url, topics, store, inbox } = clients.get(client);
    inbox.close();
    push.close();
    open(client, url, topics, store);
  },
  mark: ({ client, how, id }) => clients.get(client).inbox[how](id),
  inboxes: () => {
    const inboxes = {};
    for (const [client, { inbox, shown }] of clients) {
      const read = [...shown].filter((id) => inbox.isRead(id)).sort();
      inboxes[client] = { unread: inbox.unread, seen: inbox.seenUpTo, read };
    }
    tell({ event: "inboxes", inboxes });
  },
  count: () => tell({ event: "count", ...count }),
  end: () => process.exit(0),
};

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  actions[message.do](message);
});
lines.on("close", () => process.exit(0));
