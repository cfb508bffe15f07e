/** What the page shows: notifications, newest first, and which of them are unread. No DOM. */
export class Inbox {
  /** @type {{id: string, place: string, key?: string, unread: boolean}[]} newest first, by the id that was there first */
  items = [];
  #ids = new Set();
  #readUpTo;

  /** @param {string | null} readUpTo the id up to which everything was marked as read */
  constructor(readUpTo) {
    this.#readUpTo = readUpTo ?? "";
  }

  get unread() {
    return this.items.filter((each) => each.unread).length;
  }

  /**
   * Add a notification in its place.
   *
   * @param {{id: string}} notification
   * @param {{fresh: boolean}} how whether it is new to the user even if its id is an old one, as that of a late one is
   * @returns {number} its index, or -1 if it was there
   */
  add(notification, { fresh }) {
    if (this.#ids.has(notification.id)) return -1;
    this.#ids.add(notification.id);
    const older = this.items.findIndex(({ place }) => place < notification.id);
    const index = older === -1 ? this.items.length : older;
    const unread = fresh || notification.id > this.#readUpTo;
    this.items.splice(index, 0, { ...notification, place: notification.id, unread });
    return index;
  }

  /**
   * Put a notification in the place of the one that it replaces.
   *
   * @param {{id: string, replaces?: string, key?: string}} notification
   * @returns {number} its index, or -1 if there is nothing to replace
   */
  replace(notification) {
    const { id, replaces, key } = notification;
    const index = this.#ids.has(id) ? -1 : this.items.findIndex((each) => each.id === replaces || isEarlier(each, key, id));
    if (index === -1) return -1;
    this.#ids.add(id);
    const { place } = /** @type {{place: string}} */ (this.items[index]);
    this.items[index] = { ...notification, place, unread: true };
    return index;
  }

  /**
   * Take away what was recalled, and what has its key and is earlier.
   *
   * @param {{recalls: string, key?: string}} recall
   * @returns {number[]} the indexes, the highest first
   */
  remove({ recalls, key }) {
    const found = this.items.flatMap((each, index) => (each.id === recalls || isEarlier(each, key, recalls) ? [index] : []));
    for (const index of found.reverse()) this.items.splice(index, 1);
    return found;
  }

  /** The highest id; undefined if there is none. */
  get newest() {
    return this.items.map(({ id }) => id).sort().at(-1);
  }

  /**
   * Take over what is read from elsewhere.
   *
   * @param {(id: string) => boolean} isRead
   * @returns {number[]} the indexes of what has changed
   */
  update(isRead) {
    return this.items.flatMap((item, index) => {
      if (item.unread === !isRead(item.id)) return [];
      item.unread = !item.unread;
      return [index];
    });
  }

  /** @returns {string | null} the id to remember */
  markRead() {
    for (const item of this.items) item.unread = false;
    this.#readUpTo = this.newest ?? this.#readUpTo;
    return this.#readUpTo || null;
  }
}

/** @param {{id: string, key?: string}} item @param {string | undefined} key @param {string} id */
function isEarlier(item, key, id) {
  return key !== undefined && item.key === key && item.id < id;
}

/**
 * Say how to show a content: any JSON value can have been pushed.
 *
 * @param {unknown} content
 * @returns {{title?: string, text?: string, code?: string}}
 */
export function shown(content) {
  if (typeof content === "string") return { text: content };
  if (content !== null && typeof content === "object" && !Array.isArray(content)) {
    const { title, text, ...rest } = /** @type {Record<string, unknown>} */ (content);
    const readable = [title, text].every((each) => each === undefined || typeof each === "string");
    if (readable && (title || text)) {
      const code = Object.keys(rest).length > 0 ? JSON.stringify(rest, null, 2) : undefined;
      return { title: /** @type {string} */ (title), text: /** @type {string} */ (text), code };
    }
  }
  return { code: JSON.stringify(content, null, 2) };
}

/**
 * Return the language of a text, where that decides how Chinese characters are drawn.
 *
 * @param {string} text
 * @returns {string} empty where the text does not show it
 */
export function languageOf(text) {
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return "ja";
  if (/\p{Script=Hangul}/u.test(text)) return "ko";
  return /\p{Script=Han}/u.test(text) ? "zh" : "";
}

/**
 * Write a time shortly: with the day where it is not today's.
 *
 * @param {string} createdAt
 * @param {Date} today
 * @param {string} [locale]
 * @returns {string}
 */
export function shortTime(createdAt, today, locale) {
  const time = new Date(createdAt);
  const sameDay = time.toDateString() === today.toDateString();
  const day = sameDay ? {} : /** @type {const} */ ({ day: "numeric", month: "short" });
  return time.toLocaleString(locale, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
