/**
 * What the application has been given: from where to resume, and which ids to drop as repeats. No I/O, no clock.
 *
 * An id is a UUIDv7: it begins with the time at which its notification was accepted, by the clock of whoever made it,
 * and ids compare as text. A notification can become known after one with a later id. So the position is not all there
 * is to know: what lies shortly behind it is read again when resuming, and told apart by id.
 */

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The lowest id there can be. As a position: nothing has been seen, and there was nothing to see. */
export const BEGINNING = "00000000-0000-7000-8000-000000000000";

/** How far behind `after` the server reads again (docs/protocol.md, Repeats), in milliseconds. */
const SERVER_OVERLAP = 5 * 60 * 1000;

/** For how much longer than repeats can come an id is remembered: two connections may bring it at different times. */
const MARGIN = 60 * 1000;

/** How many of the last ids are kept across reloads. */
const STORED = 300;

/** How many notifications from behind `after` a page repeats at most (docs/protocol.md, Repeats). */
const MAX_REPEATS = 100;

/**
 * Give the lowest id that a notification of this millisecond can have.
 *
 * @param {number} milliseconds since the epoch; times before it count as 0
 * @returns {string}
 */
export function earliestIdAt(milliseconds) {
  const digits = Math.max(0, Math.floor(milliseconds)).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}${BEGINNING.slice(13)}`;
}

/**
 * Give the time in an id, in milliseconds since the epoch.
 *
 * @param {string} id
 * @returns {number}
 */
export function timeOf(id) {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

export class Ledger {
  /** @type {string | null} */ #position = null;
  /** @type {Map<string, number>} */ #seen = new Map();
  /** @type {string[]} the highest ids, in their order */ #recent = [];
  /** @type {string} after which id everything that has been seen is known, with what a page repeats before it */ #floor = "";
  /** @type {number} */ #lookBack;
  #pruneAt = 1024;

  /**
   * @param {string | null} stored what `toString` gave before the page was reloaded; a lone id will do
   * @param {{lookBack: number, now: number}} options how far behind the position to resume, and the time
   */
  constructor(stored, { lookBack, now }) {
    this.#lookBack = lookBack;
    const [position, ...recent] = String(stored ?? "").split(" ");
    if (position === undefined || !UUID_7.test(position)) return;
    this.#position = position;
    for (const id of [position, ...recent.filter((each) => UUID_7.test(each)).slice(-STORED)]) this.take(id, now);
    // Of what lies further behind it is not known any more what has been seen: to look there would be to show it again.
    if (this.#recent.length === STORED) this.#floor = /** @type {string} */ (this.#recent[MAX_REPEATS]);
  }

  /**
   * The id up to which the history is in, late ones left aside; null if nothing is known.
   *
   * @returns {string | null}
   */
  get position() {
    return this.#position;
  }

  /**
   * The id to resume after: some way behind the position, for what came from clocks that run behind. The server reads
   * another five minutes behind that, but repeats no more than 100 of it. After a reload, no further behind than what is
   * remembered of what has been seen.
   *
   * @returns {string | null} null asks for the newest page
   */
  get resumeAfter() {
    if (this.#position === null) return null;
    const behind = earliestIdAt(timeOf(this.#position) - this.#lookBack);
    return behind > this.#floor ? behind : this.#floor;
  }

  /**
   * How many ids are remembered.
   *
   * @returns {number}
   */
  get size() {
    return this.#seen.size;
  }

  /**
   * Note that a notification is handed over.
   *
   * @param {string} id
   * @param {number} now
   * @returns {boolean} false if it has been handed over before
   */
  take(id, now) {
    if (this.#seen.has(id)) return false;
    this.#seen.set(id, now);
    if (id !== BEGINNING) this.#remember(id);
    if (this.#seen.size > this.#pruneAt) this.#prune(now);
    return true;
  }

  /**
   * Note that everything up to an id is in. Never moves back.
   *
   * @param {string} id
   */
  advance(id) {
    if (UUID_7.test(id) && (this.#position === null || id > this.#position)) this.#position = id;
  }

  /**
   * Write down what must outlive a reload: the position, then the last ids.
   *
   * @returns {string}
   */
  toString() {
    return [this.#position, ...this.#recent].join(" ");
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
    const oldest = timeOf(this.#position ?? BEGINNING) - kept;
    for (const [id, arrived] of this.#seen) {
      if (arrived < now - kept && timeOf(id) < oldest) this.#seen.delete(id);
    }
    // Not again before it has doubled: so each id costs a constant number of looks.
    this.#pruneAt = Math.max(1024, this.#seen.size * 2);
  }
}
