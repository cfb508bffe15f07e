/**
 * When to do what: how long to wait before the next attempt, when to open the next connection, how often to
 * show that the connection is in use. Nothing here reads a clock or sets a timer. All times are in milliseconds.
 */

/** How long API Gateway lets a connection live at most ("Connection duration for WebSocket API", its quotas). */
export const CONNECTION_LIFE = 2 * 60 * 60 * 1000;

const LONGEST_LEAD = 2 * 60 * 1000;
const LEAD_SHARE = 0.2;

/** The longest wait that a timer can hold: a longer one would end at once. */
export const LONGEST_WAIT = 2_147_483_647;

/** The longest wait that a server can ask for with RATE_LIMITED, in seconds. */
export const LONGEST_RETRY_AFTER = 300;

/** How often a poll is repeated that the server could not answer, before the connection is given up. */
export const POLL_ATTEMPTS = 5;

/** Within which time to be back after a sign that the network is: not all devices of an office at once. */
export const PROMPT = 1_000;

/**
 * How seldom to do something on a connection, where the server does not say and at most, in seconds. A poll at least every
 * four minutes closes any gap within five, and API Gateway ends a connection that idles for ten ("Idle connection timeout",
 * its quotas).
 */
const POLL = 240;
const PING = 300;
const LONGEST_PING = 540;

/**
 * Return how long to wait before the next attempt: full jitter, anything between nothing and a bound that doubles with
 * every failure, so that clients that were cut off together do not come back together.
 *
 * @param {number} failures how many attempts have failed in a row
 * @param {number} random from 0 up to 1
 * @param {{base: number, cap: number}} backoff the first bound and the last
 * @returns {number}
 */
export function retryDelay(failures, random, { base, cap }) {
  return random * Math.min(cap, base * 2 ** Math.min(failures, 30));
}

/**
 * Return when to open the connection that replaces this one: ahead of its end, by two minutes at most and half of that at
 * least, by less where a short token leaves little.
 *
 * A session that seems to be over already is the sign of a wrong clock, for the connection is there: then only what
 * API Gateway allows every connection counts.
 *
 * @param {number} expiresAt when the session ends, in milliseconds since the epoch; NaN if that is not known
 * @param {number} openedAt when the connection was opened
 * @param {number} now
 * @param {number} random from 0 up to 1
 * @returns {number} how long to wait
 */
export function replacementDelay(expiresAt, openedAt, now, random) {
  const life = expiresAt > now ? Math.min(expiresAt - openedAt, CONNECTION_LIFE) : CONNECTION_LIFE;
  const lead = Math.min(LONGEST_LEAD, life * LEAD_SHARE) * (1 - random / 2);
  return Math.max(openedAt + life - lead - now, 0);
}

/**
 * Return what keeps the connection alive, and after how long: what the session asks for, less up to a fifth. A server
 * that does not say gets polls, which close gaps as well.
 *
 * @param {any} session
 * @param {number} random from 0 up to 1
 * @returns {{action: "poll" | "ping", delay: number}}
 */
export function keepalive(session, random) {
  const asked = session?.keepalive ?? {};
  const ping = asked.action === "ping";
  const every = asked.seconds > 0 ? asked.seconds : ping ? PING : POLL;
  return { action: ping ? "ping" : "poll", delay: Math.min(every, ping ? LONGEST_PING : POLL) * 1000 * (1 - random / 5) };
}
