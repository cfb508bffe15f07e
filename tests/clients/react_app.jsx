// A page with the hooks, for test_react.py.
import { Component, StrictMode, createElement, useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { createPushClient } from "../../clients/browser/src/index.js";
import { createInbox, markStore } from "../../clients/browser/src/inbox.js";
import { PushProvider, useNotifications, usePush, useUnread } from "../../clients/react/src/index.js";

let renderings = 0;

function Badge() {
  const { unread, markRead } = useUnread();
  renderings++;
  globalThis.badge = renderings;
  return <button id="unread" onClick={markRead}>{unread}</button>;
}

/** Whether the page shows an inbox that is the same on all devices. */
const shared = typeof location !== "undefined" && location.hash === "#shared";

/** Whether it has one that cannot be made. */
const broken = typeof location !== "undefined" && location.hash === "#broken";

/** All clients that were made. */
globalThis.made = [];

function make(url) {
  made.push(createPushClient({ url }));
  return made.at(-1);
}

class Boundary extends Component {
  state = {};
  static getDerivedStateFromError(problem) {
    return { problem };
  }
  render() {
    return this.state.problem ? <p id="problem">{this.state.problem.message}</p> : this.props.children;
  }
}

function createBroken() {
  throw new Error("no inbox");
}

function List() {
  const { notifications, more, loadOlder } = useNotifications();
  const { isRead, markRead } = useUnread();
  return (
    <>
      <ul>{notifications.map(({ id, content }) => <li key={id} className={isRead(id) ? "read" : ""} onClick={() => markRead(id)}>{content}</li>)}</ul>
      {more && <button id="older" onClick={() => loadOlder({ limit: 2 })}>Older</button>}
    </>
  );
}

function State() {
  const { state, client } = usePush();
  globalThis.client = client;
  return <p id="state">{state}</p>;
}

export function App({ url }) {
  const [user, setUser] = useState("alice");
  return (
    <StrictMode>
      <button id="out" onClick={() => setUser(null)}>Sign out</button>
      <button id="other" onClick={() => setUser("bob")}>Change user</button>
      {user && (
        <PushProvider
          key={user}
          create={() => make(`${url}?userId=${user}`)}
          {...(shared || broken ? { createInbox: broken ? createBroken : createInbox } : { readStore: markStore(`read by ${user}`) })}
        >
          <State />
          <Badge />
          <List />
        </PushProvider>
      )}
    </StrictMode>
  );
}

if (typeof document !== "undefined") {
  const root = document.getElementById("root");
  const app = <Boundary><App url={window.serverUrl} /></Boundary>;
  if (root.hasChildNodes()) hydrateRoot(root, app);
  else createRoot(root).render(app);
}
