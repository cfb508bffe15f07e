/** The page: puts the client, the inbox and the view together. */

import { createInbox, markStore } from "../../clients/browser/src/inbox.js";
import { createPushClient, localStore } from "../../clients/browser/src/index.js";
import { Cable } from "./page/cable.js";
import { Inbox, shown } from "./page/inbox.js";
import { configured, entered, suggestedUrl } from "./page/settings.js";
import {
  announce,
  elements,
  insert,
  remove,
  replace,
  showRead,
  showState,
  showTrouble,
  showUnread,
} from "./page/view.js";

const OLDER = 20;

const cable = new Cable();
/** @type {() => void} ends the connection of the settings before */
let stop = () => {};

elements["settings-form"].addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  try {
    const settings = entered(new FormData(elements["settings-form"]));
    elements["settings-error"].textContent = "";
    run(settings);
    elements.drop.focus();
  } catch (problem) {
    elements["settings-error"].textContent = /** @type {Error} */ (problem).message;
  }
});

const settings = await configured().catch(() => null);
if (settings === null) askForSettings();
else run(settings);

function askForSettings() {
  stop();
  showState("closed");
  showTrouble(null);
  elements.lost.hidden = true;
  elements.inbox.hidden = true;
  elements.settings.hidden = false;
  elements.url.value ||= suggestedUrl();
  elements.url.focus();
}

/**
 * Connect, and show what comes until the settings change.
 *
 * @param {import("./page/settings.js").Settings} settings
 */
function run(settings) {
  stop();
  const key = `websocket-push ${settings.url} ${settings.user}`;
  // Whose token was typed in is not known yet, and one user's position means nothing for another.
  const store = settings.user ? localStore(`${key} position`) : undefined;
  const inbox = new Inbox(remembered(`${key} read`));
  const listening = new AbortController();
  const resumes = settings.user !== "" && remembered(`${key} position`) !== null;
  let opened = false;
  let caughtUp = 0;
  let retryAt = 0;
  /** @type {any} */
  let countdown;
  /** Whether the server keeps what is read, for all devices; otherwise this one does. */
  let shared = false;

  elements.settings.hidden = true;
  elements.inbox.hidden = false;
  elements.list.replaceChildren();
  elements.hint.hidden = !settings.command;
  elements.command.textContent = settings.command ?? "";
  elements.older.hidden = true;
  elements["older-text"].textContent = "";
  showUnread(0);
  cable.plug();
  showCable();

  const client = createPushClient({
    url: settings.url,
    getToken: settings.getToken,
    store,
    sharedKey: settings.user, // One connection for all tabs of this user.
    WebSocket: cable.WebSocket,
    onNotification(notification, { via }) {
      const missed = via === "history" && (opened || resumes);
      if (missed) caughtUp++;
      add(notification, { fresh: true, isNew: true, tag: missed ? "Came while you were away" : undefined });
      if (via === "live") {
        const { title, text, code } = shown(notification.content);
        announce(`New notification: ${[title, text].filter(Boolean).join(", ") || code}`);
      }
    },
    onState: changed,
    onError: (problem) => console.warn("websocket-push:", problem.code, problem.message),
  });
  const state = createInbox(client, {
    store: settings.user ? markStore(`${key} marks`) : undefined,
    onChange: refresh,
    onError: (problem) => console.warn("websocket-push:", /** @type {any} */ (problem).message),
  });
  client.on("inbox", () => {
    if (shared) return;
    shared = true;
    // What is there already gets its buttons.
    elements.list.replaceChildren();
    for (const [index, item] of inbox.items.entries()) insert(item, index, withToggle(item, { isNew: false }));
    refresh();
  });
  client.on("recall", (recall) => {
    const indexes = inbox.remove(recall);
    for (const index of indexes) remove(index);
    if (indexes.length > 0) announce("A notification was taken back.");
    elements.empty.hidden = inbox.items.length > 0;
    refresh();
  });
  stop = () => {
    state.close();
    client.close();
    clearInterval(countdown);
    listening.abort();
  };

  on(elements.bell, "click", () => {
    if (shared && inbox.newest !== undefined) state.markSeenUpTo(inbox.newest);
    elements.list.focus();
    elements.list.scrollIntoView({ block: "start" });
  });
  on(elements.list, "click", (event) => {
    const row = event.target.closest("li");
    // Where text is being selected, or a button pressed, that is what is wanted.
    if (!shared || row === null || event.target.closest("button, pre") || String(getSelection())) return;
    state.markRead(row.dataset.id);
  });
  on(elements.read, "click", () => {
    if (shared && inbox.newest !== undefined) state.markReadUpTo(inbox.newest);
    else remember(`${key} read`, inbox.markRead());
    for (const [index, item] of inbox.items.entries()) showRead(item, index);
    showCount();
    elements.list.focus({ preventScroll: true }); // The button is disabled now, and would take the focus with it.
  });
  on(elements.drop, "click", () => {
    if (cable.plugged) cable.pull();
    else reconnect();
    showCable();
  });
  on(elements.retry, "click", reconnect);
  on(elements["trouble-retry"], "click", reconnect);
  on(elements["trouble-settings"], "click", askForSettings);
  on(elements.older, "click", () => loadOlder({ moveFocus: true }));
  on(elements.copy, "click", async () => {
    await navigator.clipboard.writeText(settings.command ?? "");
    announce("Copied");
    elements.copy.textContent = "Copied";
  });
  on(elements.compose, "submit", async (event) => {
    event.preventDefault();
    elements["compose-error"].textContent = "";
    try {
      await client.push({ userId: client.session?.userId, content: elements.note.value });
      elements.note.value = "";
    } catch (problem) {
      elements["compose-error"].textContent = `Not pushed: ${/** @type {Error} */ (problem).message}`;
    }
  });

  function on(/** @type {any} */ element, /** @type {string} */ name, /** @type {(event: any) => void} */ action) {
    element.addEventListener(name, action, { signal: listening.signal });
  }

  function add(/** @type {any} */ notification, /** @type {any} */ how) {
    const options = withToggle(notification, how);
    const taken = inbox.replace(notification);
    if (taken !== -1) {
      const row = replace(inbox.items[taken], taken, { ...options, tag: "Updated" });
      refresh();
      return row;
    }
    const index = inbox.add(notification, how);
    if (index === -1) return null;
    elements.empty.hidden = true;
    const row = insert(inbox.items[index], index, options);
    refresh();
    return row;
  }

  function withToggle(/** @type {any} */ { id, topic }, /** @type {any} */ how) {
    // What is pushed to topics is in no inbox.
    if (!shared || topic !== undefined) return how;
    return { ...how, onToggle: () => (state.isRead(id) ? state.markUnread(id) : state.markRead(id)) };
  }

  /** Show what is read, here or on another device. */
  function refresh() {
    if (shared) {
      for (const index of inbox.update(state.isRead)) showRead(inbox.items[index], index);
    }
    showCount();
  }

  function showCount() {
    // What is read was seen.
    const unseen = shared && state.unread > 0 && (inbox.newest ?? "") > state.seenUpTo;
    showUnread(shared ? state.unread : inbox.unread, unseen);
  }

  function changed(/** @type {string} */ state, /** @type {any} */ { reason, retryIn, failures }) {
    showState(state);
    elements.drop.hidden = !client.leader; // There is nothing to drop in a tab that another one connects.
    clearInterval(countdown);
    if (state === "open") {
      if (opened && caughtUp > 0) announce(`Connected again. ${caughtUp} missed.`);
      else announce(opened ? "Connected again. Nothing missed." : "Connected.");
      if (!opened) void loadOlder({ moveFocus: false });
      opened = true;
      caughtUp = 0;
      elements.lost.hidden = true;
      showTrouble(null);
      elements.inbox.hidden = false;
    }
    if (state !== "waiting") return;
    retryAt = Date.now() + retryIn;
    // A lost connection is reopened. One that was never open may need the user to change something.
    if (opened) {
      if (elements.lost.hidden) announce("Connection lost.");
      elements.lost.hidden = false;
    } else if (failures > 0) {
      if (elements.trouble.hidden) announce("Could not connect.");
      elements.inbox.hidden = true;
      showTrouble(troubleOf(reason));
    }
    countDown();
    countdown = setInterval(countDown, 1000);
  }

  function countDown() {
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    const text = `Next try ${seconds === 0 ? "now" : `in ${seconds} s`}.`;
    elements["lost-text"].textContent = cable.plugged ? text : `Dropped by you. ${text}`;
    elements["trouble-next"].textContent = text;
  }

  function reconnect() {
    cable.plug();
    showCable();
    client.reconnect();
  }

  async function loadOlder({ moveFocus = false }) {
    elements.older.disabled = true;
    elements["older-text"].textContent = "";
    try {
      const { notifications, more } = await client.loadOlder({ limit: OLDER });
      const rows = notifications
        .map((each) => add(each, { fresh: false, isNew: false }))
        .filter((each) => each !== null);
      elements.older.hidden = !more;
      elements.empty.hidden = inbox.items.length > 0;
      if (!more && inbox.items.length > 0) elements["older-text"].textContent = "That is all there is.";
      if (moveFocus) {
        // On to what was loaded: the newest of it is where reading goes on.
        const next = rows.at(-1);
        if (next !== undefined) next.tabIndex = -1;
        next?.focus();
        announce(`${rows.length} older loaded.`);
      }
    } catch (problem) {
      elements.older.hidden = false;
      elements["older-text"].textContent = `Could not load older ones: ${/** @type {Error} */ (problem).message}`;
    }
    elements.older.disabled = false;
  }
}

function showCable() {
  elements.drop.textContent = cable.plugged ? "Drop the connection" : "Let it reconnect";
  elements.drop.classList.toggle("pulled", !cable.plugged);
}

function troubleOf(/** @type {string} */ reason) {
  if (reason === "token") {
    return {
      title: "No token",
      text: "The place that gives out tokens did not answer. The connection is made as soon as it does.",
      list: ["Is it running, and is tokenEndpoint in config.json right?", "Are you signed in there?"],
    };
  }
  return {
    title: "Could not connect",
    text: "A browser does not tell a page why (close code 1006). It is one of these:",
    list: [
      "The address is wrong, or nothing answers there: compare it with the output websocket_url.",
      "The token was refused: expired, or for another issuer or audience. The log of verify-jwt says which.",
      "This page's origin is not in allowed_origins.",
      "This device has no network.",
    ],
  };
}

function remembered(/** @type {string} */ key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(/** @type {string} */ key, /** @type {string | null} */ value) {
  try {
    if (value !== null) localStorage.setItem(key, value);
  } catch {
    // Then they are unread again after a reload.
  }
}
