/** Shows things; decides nothing. What comes from others is only ever set as text. */

import { languageOf, shortTime, shown } from "./inbox.js";

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
    "bell",
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

/**
 * Show how many are unread.
 *
 * @param {number} count
 * @param {boolean} [unseen] whether there is something that was not looked at yet, on any device
 */
export function showUnread(count, unseen = false) {
  const text = count > 99 ? "99+" : `${count}`;
  elements.unread.hidden = count === 0;
  elements.unread.textContent = text;
  elements.bell.setAttribute("aria-label", `Go to the notifications: ${count === 0 ? "none" : text} unread`);
  elements.bell.classList.toggle("unseen", unseen);
  elements.read.disabled = count === 0;
  document.title = count === 0 ? "Notifications" : `(${text}) Notifications`;
}

export function showTrouble(/** @type {{title: string, text: string, list: string[]} | null} */ trouble) {
  elements.trouble.hidden = trouble === null;
  if (trouble === null) return;
  elements["trouble-title"].textContent = trouble.title;
  elements["trouble-text"].textContent = trouble.text;
  elements["trouble-list"].replaceChildren(...trouble.list.map((each) => made("li", "", each)));
}

/** Put a notification into the list, at an index. */
export function insert(/** @type {any} */ item, /** @type {number} */ index, /** @type {RowOptions} */ options) {
  const row = makeRow(item, options);
  elements.list.insertBefore(row, elements.list.children[index] ?? null);
  return row;
}

/** Put a notification in the place of the one at an index; the focus stays there. */
export function replace(/** @type {any} */ item, /** @type {number} */ index, /** @type {RowOptions} */ options) {
  const before = elements.list.children[index];
  const focused = before.contains(document.activeElement);
  const row = makeRow(item, options);
  before.replaceWith(row);
  if (focused) (row.querySelector("button") ?? elements.list).focus({ preventScroll: true });
  return row;
}

/** Take the notification at an index away. */
export function remove(/** @type {number} */ index) {
  const row = elements.list.children[index];
  const focused = row.contains(document.activeElement);
  row.remove();
  if (focused) elements.list.focus({ preventScroll: true });
}

/** Show whether the notification at an index is read. */
export function showRead(/** @type {any} */ item, /** @type {number} */ index) {
  mark(elements.list.children[index], item);
}

function mark(/** @type {HTMLElement} */ row, /** @type {any} */ item) {
  row.classList.toggle("unread", item.unread);
  row.querySelector(".hidden")?.remove();
  if (item.unread) row.prepend(made("span", "hidden", "Unread: "));
  const toggle = row.querySelector(".toggle");
  if (toggle === null) return;
  const what = item.unread ? "Mark as read" : "Mark as unread";
  toggle.textContent = what;
  const { title, text } = shown(item.content);
  toggle.setAttribute("aria-label", `${what}: ${title ?? text ?? "JSON"}`);
}

/** @typedef {{tag?: string, isNew: boolean, onToggle?: () => void}} RowOptions */

function makeRow(/** @type {any} */ item, /** @type {RowOptions} */ { tag, isNew, onToggle }) {
  const row = made("li", isNew ? "item new" : "item");
  row.dataset.id = item.id;
  const { title, text, code } = shown(item.content);
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
  const foot = made("div", "foot");
  foot.append(time);
  if (onToggle !== undefined) {
    const toggle = made("button", "toggle");
    toggle.setAttribute("type", "button");
    toggle.addEventListener("click", onToggle);
    foot.append(toggle);
  }
  row.append(foot);
  mark(row, item);
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
  element.dir = "auto"; // Each text runs as its own script does.
  const language = languageOf(text);
  if (language) element.lang = language;
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
