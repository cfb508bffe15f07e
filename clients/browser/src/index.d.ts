/** A notification, as the backend pushed it. */
export interface Notification<Content = unknown> {
  /** A UUIDv7: ids in their text order are in the order of time. */
  id: string;
  /** When it was accepted, RFC 3339 in UTC. */
  createdAt: string;
  content: Content;
}

/**
 * - `connecting`: a token is fetched, a socket opened
 * - `resuming`: the socket is open, and what was missed is being fetched
 * - `open`: nothing is missing, and what comes is shown at once
 * - `waiting`: there is no connection; the next attempt is planned
 * - `closed`: stopped for good, by `close()`
 */
export type State = "connecting" | "resuming" | "open" | "waiting" | "closed";

/**
 * Why there is no connection:
 *
 * - `unopened`: refused, or not reachable; a browser does not tell which
 * - `dropped`: an open connection was closed
 * - `silent`: a ping was not answered
 * - `stalled`: a poll was not answered, or failed again and again
 * - `bye`: the server said goodbye, for the token has expired
 * - `expired`: a poll was refused because the token has expired
 * - `unregistered`: the server does not know the connection any more
 * - `token`: the token callback failed
 */
export type Reason = "unopened" | "dropped" | "silent" | "stalled" | "bye" | "expired" | "unregistered" | "token";

export interface StateDetail {
  /** How many attempts have failed since a connection was last stable. */
  failures: number;
  /** In the state `waiting`: why. */
  reason?: Reason;
  /** In the state `waiting`: the WebSocket's close code, where there was one. */
  code?: number;
  /** In the state `waiting`: how long until the next attempt, in milliseconds. */
  retryIn?: number;
}

/** What the server says about the connection. */
export interface Session {
  userId: string;
  connectionId: string;
  /** When it will end, RFC 3339 in UTC. */
  expiresAt: string;
  pingIntervalSeconds: number;
}

/** Keeps the position across reloads: one opaque line of text, up to 12 KB. Both may throw. */
export interface Store {
  /** What was saved last; a lone notification id is understood as well. Null: begin with the newest page. */
  load(): string | null;
  save(text: string): void;
}

export interface Figures {
  /** Sockets that were asked for. */
  attempts: number;
  /** Notifications handed over as they came. */
  live: number;
  /** Notifications handed over from the history, when resuming. */
  resumed: number;
  /** Notifications that came again, and were dropped. */
  repeats: number;
}

export interface PushClientOptions<Content = unknown> {
  /** The module's output `websocket_url`; for anonymous clients with `?userId=`. */
  url: string | URL;
  /** Gives the token, and is called anew for every attempt. Null or undefined: connect without one. */
  token?: () => Promise<string | null | undefined> | string | null | undefined;
  /** Where the token travels. A query ends up in logs; the default does not. */
  tokenIn?: "subprotocol" | "query";
  /** Without one, a reloaded page begins with the newest page. */
  store?: Store;
  /**
   * Called once for each notification. A late one can come after one with a later id: sort by id.
   * `via` says whether it came live or from the history.
   */
  onNotification: (notification: Notification<Content>, about: { via: "live" | "history" }) => void;
  /** Called when the state changes, and for every new wait. */
  onState?: (state: State, detail: StateDetail) => void;
  /** Called with what goes wrong. The client goes on by itself: this is for logs. */
  onError?: (error: PushError) => void;
  /** How far behind the position to resume, in milliseconds, by default 60,000: by how much clocks may differ. */
  lookBack?: number;
  /** Bounds of the wait before an attempt, in milliseconds, by default 2,000 at first and 60,000 at last. */
  backoff?: { base?: number; cap?: number };
  /** In milliseconds: how long a handshake, an answer, a pong may take; when to poll again; what counts as stable. */
  timing?: { open?: number; answer?: number; pong?: number; settle?: number; stable?: number };
  /** Where the events online, offline, pageshow and visibilitychange come from, by default the global object. */
  events?: Partial<Pick<EventTarget, "addEventListener" | "removeEventListener">>;
  /** For Node before 22, and for tests. */
  WebSocket?: new (url: string, protocols?: string[]) => unknown;
  random?: () => number;
  now?: () => number;
  setTimeout?: (action: () => void, delay: number) => unknown;
  clearTimeout?: (timer: unknown) => void;
}

export interface PushClient<Content = unknown> {
  readonly state: State;
  /** The id up to which everything has been handed over, late ones left aside; null if there was nothing yet. */
  readonly lastId: string | null;
  /** What the server said about the connection; null where there is none. */
  readonly session: Session | null;
  readonly figures: Figures;
  /**
   * Fetch a page of history, oldest first, going on from where the last one ended. It may hold notifications that were
   * handed over: merge by id. Rejects with a PushError, such as `NOT_CONNECTED`.
   */
  loadOlder(options?: {
    before?: string;
    limit?: number;
  }): Promise<{ notifications: Notification<Content>[]; more: boolean }>;
  /** Push, where the module's input `client_push` allows it. Resolves with the report, rejects with a PushError. */
  push(request: {
    userId: string;
    content: unknown;
  }): Promise<Record<string, unknown>>;
  /** Do not sit out the wait for the next attempt. */
  reconnect(): void;
  /** Stop for good: nothing is called back after the state `closed`, no timer and no socket is left. */
  close(): void;
}

/** What goes wrong, by code: those of the protocol, and the client's own (see errors.js). */
export class PushError extends Error {
  constructor(code: string, message: string, options?: { cause?: unknown });
  readonly code: string;
}

export const STATES: readonly State[];
export const REASONS: readonly Reason[];

/** Connect, and stay connected until told to stop. Throws a TypeError for options that cannot work. */
export function createPushClient<Content = unknown>(options: PushClientOptions<Content>): PushClient<Content>;

/** Keep the position in localStorage, or in another Storage, under a key that is this user's alone. */
export function localStore(key: string, storage?: Storage): Store;
