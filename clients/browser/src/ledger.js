/**
 * What the application has been given: from where to resume, and which ids to drop as repeats. No I/O, no clock.
 *
 * An id is a UUIDv7: it begins with the time at which its notification was accepted, by the clock of its sender, and ids
 * compare as text. A notification can become known after one with a later id, and a live one says nothing about those
 * before it. So only pages of history move the position from which to resume, what lies shortly behind it is read again,
 * and repeats are recognized by id.
 */

const UUID_7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** The lowest id there can be. As a position: nothing has been seen, and there was nothing to see. */
export const BEGINNING = "00000000-0000-7000-8000-000000000000";

/** How far behind `after` the server reads again (docs/protocol.md, Repeats), in milliseconds. */
const SERVER_OVERLAP = 5 * 60 * 1000;

/** For how much longer than repeats can come an id is remembered: two connections may bring it at different times. */
const MARGIN = 60 * 1000;

/** How many of the last ids are kept across reloads. */
const STORED = 300;

/** How many keys and ids are remembered whose place was taken. */
const REMEMBERED = 1000;

/** How many notifications from behind `after` a page repeats at most (docs/protocol.md, Repeats). */
const MAX_REPEATS = 100;

/** How far ahead of the clock an id is believed. The server takes a minute; this clock may be behind. */
const AHEAD = 5 * 60 * 1000;

/**
 * Return the lowest id that a notification of this millisecond can have.
 *
 * @param {number} milliseconds since the epoch; times before it count as 0
 * @returns {string}
 */
export function earliestIdAt(milliseconds) {
  const digits = Math.max(0, Math.floor(milliseconds)).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}${BEGINNING.slice(13)}`;
}

/**
 * Return the time in an id, in milliseconds since the epoch.
 *
 * @param {string} id
 * @returns {number}
 */
export function timeOf(id) {
  return parseInt(id.replace("-", ""), 16); // Up to the next hyphen.
}

export class Ledger {
  /** @type {string | null} the id up to which pages of history have confirmed that nothing is missing */
  position = null;
  /** @type {string | null} the highest id shown with nothing known to be missing before it */ #last = null;
  /** Whether the stored position lay in the future, so that another had to be found. */
  future = false;
  /** @type {Map<string, number>} the ids that are remembered, and when they came */
  seen = new Map();
  /** @type {string[]} the highest ids, in their order */ #recent = [];
  /** @type {Map<string, string>} ids that were replaced or recalled, and after "=" each key with its latest id */
  #taken = new Map();
  /** @type {string} after which id everything that has been seen is known, with what a page repeats before it */ #floor = "";
  /** @type {number} */ #lookBack;
  #pruneAt = 1024;

  /**
   * A stored position from the future would hide all that comes until then. The clock may be the one that is wrong, so
   * it is not thrown away but replaced: by the highest id that was seen and is not from the future, or by the newest
   * page, if there is none.
   *
   * @param {string | null | undefined} stored what `toString` returned before the page was reloaded; a lone id will do
   * @param {{lookBack: number, now: number}} options how far behind the position to resume, and the time
   */
  constructor(stored, { lookBack, now }) {
    this.#lookBack = lookBack;
    const [position = "", ...recent] = String(stored ?? "").split(" ");
    if (!UUID_7.test(position)) return;
    const known = recent.filter((each) => UUID_7.test(each)).slice(-STORED);
    for (const id of known[0] ? known : [position]) this.take(id, now);
    const bound = earliestIdAt(now + AHEAD);
    this.future = position > bound;
    const believed = this.#recent.findLast((id) => id <= bound) ?? null;
    this.position = this.future ? believed : position;
    this.#last = believed ?? this.position;
    // Of what lies further behind it is not known any more what has been seen: to look there would be to show it again.
    const floor = /** @type {string} */ (this.#recent[MAX_REPEATS]);
    if (this.#recent.length === STORED && floor <= bound) this.#floor = floor;
  }

  /**
   * The id of the last notification, where what comes live is counted as well; null if there was none.
   *
   * @returns {string | null}
   */
  get last() {
    return this.#last === BEGINNING ? null : this.#last;
  }

  /**
   * The id to resume after: some way behind the position, for what came from clocks that run behind. The server reads
   * another five minutes behind that, but repeats no more than 100 of it. After a reload, no further behind than what is
   * remembered of what has been seen.
   *
   * @returns {string | null} null asks for the newest page
   */
  get resumeAfter() {
    if (!this.position) return null;
    const behind = earliestIdAt(timeOf(this.position) - this.#lookBack);
    return behind > this.#floor ? behind : this.#floor;
  }

  /**
   * Note that a notification is shown to the application.
   *
   * @param {string} id
   * @param {number} now
   * @returns {boolean} false if it was shown before
   */
  take(id, now) {
    if (this.seen.has(id)) return false;
    this.seen.set(id, now);
    if (id !== BEGINNING) this.#remember(id);
    if (this.seen.size > this.#pruneAt) this.#prune(now);
    return true;
  }

  /**
   * Note that a notification was replaced or recalled, and what is earlier with a key: it is not shown if it arrives late.
   *
   * @param {string | undefined} id
   * @param {string | undefined} key
   * @param {string} before which id what has the key is not valid any more
   * @param {number} now
   * @returns {boolean} false if that was known
   */
  drop(id, key, before, now) {
    // No comparison with an id is true where there is none.
    const news = key !== undefined && !(before <= /** @type {string} */ (this.#taken.get(`=${key}`)));
    if (news) this.#note(`=${key}`, before);
    if (id === undefined || this.#taken.has(id)) return news;
    this.take(id, now);
    this.#note(id, id);
    return true;
  }

  /**
   * Tell whether a notification's place was taken before it arrived.
   *
   * @param {string} id
   * @param {string | undefined} key
   * @returns {boolean}
   */
  outdated(id, key) {
    return id < /** @type {string} */ (this.#taken.get(key && `=${key}`)) || this.#taken.has(id);
  }

  /**
   * Note that a page of history has confirmed everything up to an id. Never moves back, nor into the future.
   *
   * @param {string} id
   * @param {number} now
   */
  advance(id, now) {
    this.reach(id);
    const bound = earliestIdAt(now + AHEAD);
    const reached = id < bound ? id : bound;
    if (UUID_7.test(id) && (!this.position || reached > this.position)) this.position = reached;
  }

  /** Forget the position: the server has found it to lie in the future. What has been shown stays known. */
  reset() {
    this.position = null;
    this.#floor = "";
  }

  /**
   * Record the last id that was shown, without a claim about earlier ones.
   *
   * @param {string} id
   */
  reach(id) {
    if (UUID_7.test(id) && (this.#last === null || id > this.#last)) this.#last = id;
  }

  /**
   * Write down what must outlive a reload: the position, then the last ids.
   *
   * @returns {string}
   */
  toString() {
    return [this.position, ...this.#recent].join(" ");
  }

  #note(/** @type {string} */ name, /** @type {string} */ id) {
    this.#taken.set(name, id);
    if (this.#taken.size > REMEMBERED) this.#taken.delete(/** @type {string} */ (this.#taken.keys().next().value));
  }

  /**
   * Keep the highest ids, in their order. They come nearly in it, so the place is found from the end.
   *
   * @param {string} id
   */
  #remember(id) {
    let place = this.#recent.length;
    while (place > 0 && /** @type {string} */ (this.#recent[place - 1]) > id) place--;
    this.#recent.splice(place, 0, id);
    if (this.#recent.length > STORED) this.#recent.shift();
  }

  /**
   * Forget ids that nothing can repeat any more: old by their own time as well as by that of their arrival.
   *
   * @param {number} now
   */
  #prune(now) {
    const kept = SERVER_OVERLAP + this.#lookBack + MARGIN;
    const oldest = timeOf(this.position ?? BEGINNING) - kept;
    for (const [id, arrived] of this.seen) {
      if (arrived < now - kept && timeOf(id) < oldest) this.seen.delete(id);
    }
    // Not again before it has doubled: so each id costs a constant number of looks.
    this.#pruneAt = Math.max(1024, this.seen.size * 2);
  }
}
