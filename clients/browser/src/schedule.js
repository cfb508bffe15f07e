/**
 * When to do what: how long to wait before the next attempt, when to open the next connection, how often to ping.
 * Nothing here reads a clock or sets a timer. All times are in milliseconds.
 */

/** How long API Gateway lets a connection live at most ("Connection duration for WebSocket API", its quotas). */
export const CONNECTION_LIFE = 2 * 60 * 60 * 1000;

/** How long API Gateway lets a connection idle ("Idle connection timeout", its quotas): pings come more often. */
const IDLE_LIMIT = 10 * 60 * 1000;

const DEFAULT_PING_SECONDS = 300;
const LONGEST_LEAD = 2 * 60 * 1000;
const LEAD_SHARE = 0.2;

/**
 * Say how long to wait before the next attempt: full jitter, anything between nothing and a bound that doubles with
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
 * Say when to open the connection that replaces this one: ahead of its end, by two minutes at most and half of that at
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
  const atMost = openedAt + CONNECTION_LIFE - now;
  const remaining = expiresAt > now ? Math.min(expiresAt - now, atMost) : atMost;
  const lead = Math.min(LONGEST_LEAD, remaining * LEAD_SHARE) * (1 - random / 2);
  return Math.max(remaining - lead, 0);
}

/**
 * Say how long to wait before the next ping: what the session asks for, less up to a fifth.
 *
 * @param {unknown} seconds `session.pingIntervalSeconds`
 * @param {number} random from 0 up to 1
 * @returns {number}
 */
export function pingDelay(seconds, random) {
  const asked = typeof seconds === "number" && seconds > 0 ? seconds : DEFAULT_PING_SECONDS;
  return Math.min(asked * 1000, IDLE_LIMIT * 0.9) * (1 - random / 5);
}
