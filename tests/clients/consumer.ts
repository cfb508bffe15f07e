// Compiled with the package's types by `tsc --strict`; it never runs.
import {
  CODES,
  createPushClient,
  localStore,
  PushError,
  REASONS,
  STATES,
  type ClientErrorCode,
  type ErrorCode,
  type Notification,
  type PushClient,
  type Reason,
  type State,
  type Store,
} from "@example/websocket-push";
import { createInbox, MANY, merge, type Inbox, type InboxState } from "@example/websocket-push/inbox";

interface Order {
  number: number;
}

const store: Store = { load: () => null, save: (text) => void text.length };
const ending = new AbortController();
const client: PushClient<Order> = createPushClient<Order>({
  url: new URL("wss://example.test/live"),
  getToken: async ({ signal }) => (signal.aborted ? null : "t.o.k"),
  tokenIn: "query",
  store,
  signal: ending.signal,
  minReconnectDelay: 1,
  sharedKey: "alice",
  hiddenTimeout: 60_000,
  onNotification: ({ id, content }, { via, primary }) => {
    const system: boolean = primary;
    const total: number = content.number;
    const how: "live" | "history" = via;
    void [id, total, how, system];
  },
  onState: (state: State, { reason, bye, code, retryIn }) => {
    const why: Reason | undefined = reason;
    void [state, why, bye, code, retryIn];
  },
  onError: (error) => {
    const code: ErrorCode = error.code;
    const seconds: number | undefined = error.retryAfter;
    void [code, seconds];
  },
});

const off: () => void = client.on("notification", ({ content }) => void content.number, { signal: ending.signal });
client.on("state", (state) => void (state === "open"));
await client.ready({ signal: ending.signal });
const page: { notifications: Notification<Order>[]; more: boolean } = await client.loadOlder({ limit: 5 });
const report: Record<string, unknown> = await client.push({ userId: "alice", content: [1, null] });
const names: readonly (State | Reason | ClientErrorCode)[] = [...STATES, ...REASONS, ...CODES];
if (client.session?.keepalive?.action === "poll") void client.session.keepalive.seconds;
const leads: boolean = client.leader;
void [leads, off, page, report, names, client.lastId, client.stats.repeats, localStore("key"), PushError];
client.on("recall", ({ recalls, key }) => void [recalls, key satisfies string | undefined]);

const inbox: Inbox = createInbox(client, { onChange: () => void inbox.unread });
const marked: number = (await client.mark({ read: [client.lastId ?? ""] })).unreadCount;
inbox.markReadUpTo("id");
const bell: string = inbox.unread === MANY ? "99+" : String(inbox.unread);
const merged: InboxState = merge({ seenUpTo: "", readUpTo: {}, read: {}, unread: {} }, { seenUpTo: "", readUpTo: {}, read: {}, unread: {} });
void [marked, bell, merged.seenUpTo];
inbox.close();
client.close();

// @ts-expect-error an address is required
createPushClient({});
// @ts-expect-error there is no such option
createPushClient({ url: "wss://example.test", token: () => "t" });
// @ts-expect-error there is no such event
client.on("publication", () => {});
// @ts-expect-error a state that there is not
const wrong: State = "connected";
// @ts-expect-error codes are a closed list
const code: ErrorCode = "NO_SUCH_CODE";
void [wrong, code];
