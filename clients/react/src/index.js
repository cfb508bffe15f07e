"use client";
/** React hooks over a client for push notifications. Types: index.d.ts. */

import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Inbox, NOTHING } from "./inbox.js";

/** @type {import("react").Context<Inbox | null>} */
const Context = createContext(/** @type {Inbox | null} */ (null));

/**
 * Keep a client for as long as this is mounted. On a server, and until it is mounted, there is none.
 *
 * @param {import("./index.d.ts").PushProviderProps} props
 */
export function PushProvider({ create, readStore, createInbox, children }) {
  const [inbox] = useState(() => new Inbox(readStore, createInbox));
  useEffect(() => {
    // In strict mode this runs twice: the first client is closed before it has opened a socket.
    const client = create();
    /** @type {(() => void) | undefined} */
    let detach;
    const end = () => {
      try {
        detach?.();
      } finally {
        client.close();
      }
    };
    try {
      detach = inbox.attach(client);
    } catch (problem) {
      // React does not clean up after an effect that throws.
      end();
      throw problem;
    }
    return end;
    // `create` is usually another function in each rendering; another user needs another key, and so another inbox.
  }, [inbox]);
  return createElement(Context.Provider, { value: inbox }, children);
}

export function usePush() {
  const inbox = useInbox();
  const client = useMember(inbox, "client");
  const state = useMember(inbox, "state");
  const detail = useMember(inbox, "detail");
  return useMemo(() => ({ client, state, detail }), [client, state, detail]);
}

export function useNotifications() {
  const inbox = useInbox();
  const notifications = useMember(inbox, "notifications");
  const more = useMember(inbox, "more");
  return useMemo(() => ({ notifications, more, loadOlder: inbox.loadOlder }), [inbox, notifications, more]);
}

export function useUnread() {
  const inbox = useInbox();
  const unread = useMember(inbox, "unread");
  // What is read may change without the count.
  const marks = useMember(inbox, "marks");
  return useMemo(() => ({ unread, markRead: inbox.markRead, isRead: inbox.isRead }), [inbox, unread, marks]);
}

function useInbox() {
  const inbox = useContext(Context);
  if (inbox === null) throw new Error("There is no <PushProvider> around this component.");
  return inbox;
}

/** @param {Inbox} inbox @param {keyof typeof NOTHING} name */
function useMember(inbox, name) {
  return useSyncExternalStore(
    inbox.subscribe,
    () => inbox.snapshot[name],
    () => /** @type {any} */ (NOTHING[name]),
  );
}
