import type { PushClient, Store } from "./index.js";

/** Stands for more than 99 unread notifications: show "99+". */
export const MANY: 100;

/** What is known of a user's inbox: times in milliseconds since the epoch, by the ids of notifications. */
export interface InboxState {
  /** Everything up to this id was seen; empty if nothing was. */
  seenUpTo: string;
  readUpTo: Record<string, number>;
  read: Record<string, number>;
  unread: Record<string, number>;
}

/** Returns the state that knows what either of two knows, as docs/protocol.md has it. */
export function merge(one: InboxState, other: InboxState): InboxState;

export interface InboxOptions {
  /** Called whenever something has changed. */
  onChange?: () => void;
  /** Called with what the server refuses; the mark is then dropped. */
  onError?: (error: unknown) => void;
  /** Keeps marks that wait for a connection; without one they are lost with the page. */
  store?: Store;
  /** For tests. */
  now?: () => number;
  random?: () => number;
  setTimeout?: (action: () => void, delay: number) => unknown;
  clearTimeout?: (timer: any) => void;
}

/**
 * What the user has seen and read. A mark counts here at once, is sent as soon as there is a connection, and is then so
 * on every device of the user.
 */
export interface Inbox {
  /** How many of the user's notifications are unread; `MANY` for more than 99. */
  readonly unread: number;
  /** Everything up to this id was seen; empty if nothing was. */
  readonly seenUpTo: string;
  isRead(id: string): boolean;
  markRead(...ids: string[]): void;
  markUnread(...ids: string[]): void;
  /** Everything up to this id is read, whether it was loaded or not. */
  markReadUpTo(id: string): void;
  markSeenUpTo(id: string): void;
  /** Calls a listener whenever something has changed; returns what removes it. */
  on(listener: () => void): () => void;
  /** Stops listening to the client, which stays open. */
  close(): void;
}

/** Keeps in localStorage, for all tabs together, the marks that wait for a connection; under a key that is this user's alone. */
export function markStore(key: string): Store;

/** Keeps what the user of a client has seen and read. The deployment needs the input `inbox`. */
export function createInbox(client: PushClient<any>, options?: InboxOptions): Inbox;
