import type { ReactElement, ReactNode } from "react";

/** A notification, as the backend pushed it. */
export interface Notification<Content = unknown> {
  id: string;
  createdAt: string;
  /** The topic that it was pushed to, `*` for a broadcast. Not there for one to users. */
  topic?: string;
  replaces?: string;
  key?: string;
  content: Content;
}

/** What keeps the user's inbox for all devices; createInbox of the browser client's module `inbox` makes one. */
export interface SharedInbox {
  readonly unread: number;
  isRead(id: string): boolean;
  markRead(...ids: string[]): void;
  markReadUpTo(id: string): void;
  close(): void;
}

export type CreateInbox = (client: any, options: { onChange: () => void }) => SharedInbox;

/** What the hooks need of a client: createPushClient of the browser client returns one. */
export interface Client {
  readonly state: string;
  /** Null before the first page, where no position is stored. */
  readonly lastId?: string | null;
  on(name: "notification", listener: (notification: Notification<any>) => void): () => void;
  on(name: "recall", listener: (recall: { recalls: string; key?: string }) => void): () => void;
  on(name: "state", listener: (state: any, detail: any) => void): () => void;
  loadOlder(options?: {
    limit?: number;
    signal?: AbortSignal;
  }): Promise<{ notifications: Notification<any>[]; more: boolean }>;
  close(): void;
}

export type State = "connecting" | "resuming" | "open" | "waiting" | "closed";

export interface StateDetail {
  failures: number;
  reason?: string;
  code?: number;
  bye?: string;
  retryIn?: number;
}

/**
 * Keeps up to which id everything was read; markStore of the browser client's module `inbox` will do, with a key of its
 * own. Its localStore keeps one text for each tab besides, so a reloaded tab would not know what was read in another.
 */
export interface ReadStore {
  load(): string | null;
  save(text: string): void;
}

export interface PushProviderProps {
  /** Makes the client, when this is mounted; it is closed when this is unmounted. For another user give another `key`. */
  create: () => Client;
  /** Without one, what was read is forgotten with the page. */
  readStore?: ReadStore;
  /** Instead of a store: keeps what was read for all devices, where the module has its input `inbox`. */
  createInbox?: CreateInbox;
  children?: ReactNode;
}

export function PushProvider(props: PushProviderProps): ReactElement;

/** The client and its state. The client is null on a server and before the provider is mounted. */
export function usePush<Kind extends Client = Client>(): {
  client: Kind | null;
  state: State;
  detail: StateDetail;
};

/** The notifications, newest first, and what fetches a page before them; `more` says whether there may be one. */
export function useNotifications<Content = unknown>(): {
  notifications: readonly Notification<Content>[];
  more: boolean;
  loadOlder: (options?: { limit?: number; signal?: AbortSignal }) => Promise<void>;
};

/**
 * How many are unread, on this device or with `createInbox` on all, where 100 stands for more than 99; and what marks all
 * of them as read, or with `createInbox` only some.
 */
export function useUnread(): { unread: number; markRead: (...ids: string[]) => void; isRead: (id: string) => boolean };
