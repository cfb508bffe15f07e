/** Shows things; decides nothing. What comes from others is only ever set as text. */

import { shortTime, shown } from "./inbox.js";

const find = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

const STATE_TEXTS = {
  connecting: "Connecting",
  resuming: "Catching up",
  open: "Live",
  waiting: "Disconnected",
  closed: "Not connected",
};

export const elements = Object.fromEntries(
  [
    "command",
    "compose",
    "compose-error",
    "copy",
    "drop",
    "empty",
    "empty-text",
    "hint",
    "inbox",
    "list",
    "lost",
    "lost-text",
    "news",
    "note",
    "older",
    "older-text",
    "read",
    "retry",
    "settings",
    "settings-error",
    "settings-form",
    "state",
    "state-text",
    "trouble",
    "trouble-list",
    "trouble-next",
    "trouble-retry",
    "trouble-settings",
    "trouble-text",
    "trouble-title",
    "unread",
    "url",
  ].map((id) => [id, find(id)]),
);

export function showState(/** @type {string} */ state) {
  elements.state.dataset.state = state;
  elements["state-text"].textContent = STATE_TEXTS[/** @type {keyof typeof STATE_TEXTS} */ (state)];
}

/** Tell those who do not look at the screen. One thing at a time: the last is what counts. */
export function announce(/** @type {string} */ text) {
  elements.news.textContent = text;
}

export function showUnread(/** @type {number} */ count) {
  elements.unread.hidden = count === 0;
  elements.unread.textContent = `${count > 99 ? "99+" : count}`;
  elements.unread.setAttribute("aria-label", `${count} unread`);
  elements.unread.setAttribute("role", "img");
  elements.read.disabled = count === 0;
  document.title = count === 0 ? "Notifications" : `(${count}) Notifications`;
}

export function showTrouble(/** @type {{title: string, text: string, list: string[]} | null} */ trouble) {
  elements.trouble.hidden = trouble === null;
  if (trouble === null) return;
  elements["trouble-title"].textContent = trouble.title;
  elements["trouble-text"].textContent = trouble.text;
  elements["trouble-list"].replaceChildren(...trouble.list.map((each) => made("li", "", each)));
}

/** Put a notification into the list, at an index. */
export function insert(
  /** @type {any} */ item,
  /** @type {number} */ index,
  /** @type {{tag?: string, isNew: boolean}} */ { tag, isNew },
) {
  const row = made("li", isNew ? "item new" : "item");
  row.dataset.id = item.id;
  row.classList.toggle("unread", item.unread);
  const { title, text, code } = shown(item.content);
  if (item.unread) row.append(made("span", "hidden", "Unread: "));
  if (title) row.append(made("p", "title", title));
  if (text) row.append(made("p", "text", text));
  if (code && !title && !text) row.append(made("p", "text quiet", "JSON"));
  if (code) {
    const block = made("pre", "");
    block.tabIndex = 0; // It may have to be scrolled.
    block.setAttribute("aria-label", "Content");
    block.append(made("code", "", code));
    row.append(block);
  }
  if (tag) row.append(made("p", "tag", tag));
  const time = made("time", "", shortTime(item.createdAt, new Date()));
  time.setAttribute("datetime", item.createdAt);
  row.append(time);
  elements.list.insertBefore(row, elements.list.children[index] ?? null);
  return row;
}

export function showAllRead() {
  for (const row of elements.list.querySelectorAll(".unread")) {
    row.classList.remove("unread");
    row.querySelector(".hidden")?.remove();
  }
}

function made(/** @type {string} */ name, /** @type {string} */ className, /** @type {string} */ text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
