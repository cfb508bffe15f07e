/** A notification, as the backend pushed it. */
export interface Notification<Content = unknown> {
  /** A UUIDv7: ids in their text order are in the order of time. */
  id: string;
  /** When it was accepted, RFC 3339 in UTC. */
  createdAt: string;
  /** The topic that it was pushed to, `*` for a broadcast. Not there for one to users. */
  topic?: string;
  /** The notification whose place this one takes. */
  replaces?: string;
  /** What it is about: it takes the place of earlier ones with the same key. */
  key?: string;
  content: Content;
}

/** A notification that is not valid any more. */
export interface Recall {
  /** The recall's own; that of a notification, where this one came too late to be shown itself. */
  id: string;
  createdAt: string;
  /** The notification that is taken back. */
  recalls: string;
  /** With a key: those with this key and an earlier id than the one that is taken back are not valid any more either. */
  key?: string;
}

/** What the user has seen and read, as the server has it (docs/protocol.md, Inbox): times in milliseconds, by id. */
export interface ServerInbox {
  version: number;
  seenUpTo?: string;
  readUpTo: Record<string, number>;
  read: Record<string, number>;
  unread: Record<string, number>;
  unreadCount: number;
  countedTo?: string;
}

/**
 * - `connecting`: a token is fetched, a socket opened
 * - `resuming`: the socket is open, and what was missed is being fetched
 * - `open`: nothing is missing, and what comes is shown at once
 * - `waiting`: there is no connection; the next attempt is planned
 * - `closed`: stopped by `close()`, by the option `signal`, or by a server that said to stay away
 */
export type State = "connecting" | "resuming" | "open" | "waiting" | "closed";

/**
 * Why there is no connection:
 *
 * - `unopened`: refused, or not reachable; a browser does not tell which
 * - `dropped`: an open connection was closed
 * - `silent`: a ping was not answered
 * - `stalled`: a poll was not answered, or failed again and again
 * - `bye`: the server said goodbye; `detail.bye` is its reason
 * - `expired`: a poll was refused because the token has expired
 * - `unregistered`: the server does not know the connection any more
 * - `token`: the token callback failed
 * - `hidden`: the page has been hidden for `hiddenTimeout`, or the browser has frozen it
 */
export type Reason =
  | "unopened"
  | "dropped"
  | "silent"
  | "stalled"
  | "bye"
  | "expired"
  | "unregistered"
  | "token"
  | "hidden";

export interface StateDetail {
  /** How many attempts have failed since a connection was last stable. */
  failures: number;
  /** In the state `waiting`, and in `closed` where the server said to stay away: why. */
  reason?: Reason;
  /** The WebSocket's close code, where there was one. */
  code?: number;
  /** With the reason `bye`: what the server gave as the reason, such as `token_expired`, `disconnected`, `revoked`. */
  bye?: string;
  /** In the state `waiting`: how long until the next attempt, in milliseconds. Not with `hidden`. */
  retryIn?: number;
}

/** What the server says about the connection. */
export interface Session {
  userId: string;
  connectionId: string;
  /** When it will end, RFC 3339 in UTC. */
  expiresAt: string;
  /** What keeps the connection alive, and how often, in seconds; polls close gaps as well. */
  keepalive?: { action: "poll" | "ping"; seconds: number };
}

/** Keeps the position across reloads: one opaque line of text, up to 12 KB. Both may throw. */
export interface Store {
  /** What was saved last; a lone notification id is understood as well. Null: begin with the newest page. */
  load(): string | null;
  save(text: string): void;
}

export interface Stats {
  /** Sockets that were asked for. */
  attempts: number;
  /** Notifications that came live. */
  live: number;
  /** Notifications that came from the history. */
  resumed: number;
  /** Notifications that came again, and were dropped. */
  repeats: number;
}

export interface Events<Content = unknown> {
  /**
   * Once for each notification. A late one can come after one with a later id: sort by id. `via` says whether it came
   * live or from the history; `primary` is true in one tab of those that share a connection: there, and only there, show
   * a system notification, with the id as its `tag`.
   */
  notification: (notification: Notification<Content>, about: { via: "live" | "history"; primary: boolean }) => void;
  /** When the state changes, and for every new wait. */
  state: (state: State, detail: StateDetail) => void;
  /** What goes wrong. The client goes on by itself: this is for logs. */
  error: (error: PushError) => void;
  /** For each notification that is taken back, or whose place was taken by one that is not shown any more itself. */
  recall: (recall: Recall) => void;
  /** What the user has seen and read, whenever the server says so; the module `inbox` makes a count of it. */
  inbox: (inbox: ServerInbox) => void;
}

/** The client's own codes. */
export type ClientErrorCode =
  | "TOKEN"
  | "TOKEN_IN_QUERY"
  | "SOCKET"
  | "STORE"
  | "POSITION"
  | "CALLBACK"
  | "UNREADABLE_FRAME"
  | "GATEWAY"
  | "FRAME_TOO_LARGE"
  | "FRAME_REFUSED"
  | "INVALID_CONTENT"
  | "TIMEOUT"
  | "CONNECTION_LOST"
  | "NOT_CONNECTED"
  | "CLOSED";

/** The codes with which the server answers a frame. A later server may add some. */
export type ServerErrorCode =
  | "INVALID_REQUEST"
  | "INVALID_REQUEST_ID"
  | "UNKNOWN_ACTION"
  | "UNKNOWN_FIELD"
  | "INVALID_RECIPIENT"
  | "INVALID_USER_ID"
  | "INVALID_TOPIC"
  | "MISSING_CONTENT"
  | "INVALID_CONTENT"
  | "CONTENT_TOO_LARGE"
  | "INVALID_ID"
  | "INVALID_RANGE"
  | "INVALID_LIMIT"
  | "INVALID_MARK"
  | "MISSING_USER_ID"
  | "PUSH_NOT_ALLOWED"
  | "TOPIC_NOT_ALLOWED"
  | "TOO_MANY_TOPICS"
  | "UNKNOWN_CONNECTION"
  | "TOKEN_EXPIRED"
  | "TOKEN_REVOKED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "AWS_REFUSED"
  | "INTERNAL";

export type ErrorCode = ClientErrorCode | ServerErrorCode;

/** What goes wrong, by code. */
export class PushError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; retryAfter?: number });
  readonly code: ErrorCode;
  /** With `RATE_LIMITED`: after how many seconds to try again. */
  readonly retryAfter: number | undefined;
}

/** What a client listens to, and which topics the server refused, with its code. */
export interface Subscribed {
  topics: string[];
  refused: { topic: string; code: ServerErrorCode }[];
}

export interface WebSocketLike {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
}

export interface PushClientOptions<Content = unknown> {
  /** The module's output `websocket_url`; for anonymous clients with `?userId=`. */
  url: string | URL;
  /**
   * Returns the token, and is called for every attempt. Null, undefined or an empty text: connect without one. The
   * signal ends with the attempt.
   */
  getToken?: (about: {
    signal: AbortSignal;
  }) => Promise<string | null | undefined> | string | null | undefined;
  /**
   * Where the token travels. A query ends up in logs; the default does not, but for tokens that cannot be a subprotocol
   * (with `=` or `/` in them), which is reported as `TOKEN_IN_QUERY`.
   */
  tokenIn?: "subprotocol" | "query";
  /** Without one, a reloaded page begins with the newest page. */
  store?: Store;
  /** Topics to listen to from the beginning; see `subscribe`. */
  topics?: string[];
  onNotification?: Events<Content>["notification"];
  onState?: Events<Content>["state"];
  onError?: Events<Content>["error"];
  /** Closes the client. */
  signal?: AbortSignal;
  /**
   * Tabs with the same address and the same key hold one connection together. It must name the user: what comes is shown
   * in every tab. Without one, or where the browser lacks Web Locks or BroadcastChannel, a tab has a connection of its own.
   */
  sharedKey?: string;
  /** After how long with all tabs hidden to close the connection, in milliseconds, until one is looked at. Never, by default. */
  hiddenTimeout?: number;
  /** The bound of the first wait before an attempt, in milliseconds: 2,000. It doubles with every failure. */
  minReconnectDelay?: number;
  /** The bound of the last one: 60,000. */
  maxReconnectDelay?: number;
  /** How long the token may take, and then the handshake, in milliseconds: 15,000. */
  connectionTimeout?: number;
  /** How long a reply may take: 15,000. */
  timeout?: number;
  /** How long the reply to a ping may take: 10,000. */
  pongTimeout?: number;
  /** How long a connection must have been up for the next failure to count as the first: 30,000. */
  minUptime?: number;
  /** When to poll again after connecting: 3,000. */
  settleDelay?: number;
  /** How far behind the position to resume: 60,000. By how much clocks may differ. */
  lookBack?: number;
  /** For Node before 22, and for tests. */
  WebSocket?: new (url: string, protocols?: string[]) => WebSocketLike;
  /**
   * Where the events of network, visibility and page lifecycle come from, by default the global object. Listeners are
   * removed by the option `signal`, as EventTarget has it.
   */
  events?: Partial<Pick<EventTarget, "addEventListener">>;
  random?: () => number;
  now?: () => number;
  setTimeout?: (action: () => void, delay: number) => unknown;
  clearTimeout?: (timer: unknown) => void;
}

export interface PushClient<Content = unknown> {
  readonly state: State;
  /** The id of the latest notification that was shown; null if there was none yet. */
  readonly lastId: string | null;
  /** What the server said about the connection; null where there is none. */
  readonly session: Session | null;
  /** Whether the connection is this tab's own, not another's. */
  readonly leader: boolean;
  readonly stats: Stats;
  /** What the server said last that this connection listens to, besides its user and broadcasts. */
  readonly topics: string[];
  /** Listen to an event until the function that is returned is called, or the signal is aborted. */
  on<Name extends keyof Events>(
    name: Name,
    listener: Events<Content>[Name],
    options?: { signal?: AbortSignal },
  ): () => void;
  /** Wait until the state is `open`. Rejects with `CLOSED`, or with the signal's reason. */
  ready(options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * Fetch a page of history, oldest first, going on from where the last one ended. It may hold notifications that were
   * shown: merge by id. Rejects with a PushError, such as `NOT_CONNECTED`.
   */
  loadOlder(options?: {
    before?: string;
    limit?: number;
    signal?: AbortSignal;
  }): Promise<{ notifications: Notification<Content>[]; more: boolean }>;
  /**
   * Push, where the module's input `client_push` allows it. Resolves with the report, rejects with a PushError; the
   * frame may have at most 32 KB.
   */
  push(
    request: { userId: string; content: unknown },
    options?: { signal?: AbortSignal },
  ): Promise<Record<string, unknown>>;
  /**
   * Mark notifications, for all devices of the user; the module `inbox` does so, and repeats what a lost connection has
   * swallowed. Resolves with what is known after it.
   */
  mark(
    what: { seenUpTo?: string; readUpTo?: string; read?: string[]; unread?: string[]; at?: number },
    options?: { signal?: AbortSignal },
  ): Promise<ServerInbox>;
  /**
   * Listen to topics, now and after every reconnect, until `unsubscribe`. Resolves once the server has answered and what
   * was missing has been fetched, which without a connection is after the next one is open. What it refused now is not
   * asked for again; what a later connection is refused, because its token grants less, is reported as an error, and asked
   * for again with the next token. Tabs with one connection listen together. Throws a TypeError for what is no topic.
   */
  subscribe(topics: string[], options?: { signal?: AbortSignal }): Promise<Subscribed>;
  /** Listen to topics no more, in every tab. */
  unsubscribe(topics: string[], options?: { signal?: AbortSignal }): Promise<void>;
  /** Make the next attempt now. */
  reconnect(): void;
  /** Stop: nothing is called back after the state `closed`, no timer and no socket is left. */
  close(): void;
}

export const STATES: readonly State[];
export const REASONS: readonly Reason[];
/** The client's own error codes. */
export const CODES: readonly ClientErrorCode[];

/** Connect, and stay connected until it is closed. Throws a TypeError for options that cannot work. */
export function createPushClient<Content = unknown>(options: PushClientOptions<Content>): PushClient<Content>;

/**
 * Keep the position in localStorage, with one of each tab's own in sessionStorage, or in another Storage alone; under a
 * key that is this user's alone.
 */
export function localStore(key: string, storage?: Storage): Store;
