/** The client's own codes, a closed list; the server's are those of the protocol. README.md says what each means. */
export const CODES = [
  "TOKEN",
  "TOKEN_IN_QUERY",
  "SOCKET",
  "STORE",
  "POSITION",
  "CALLBACK",
  "UNREADABLE_FRAME",
  "GATEWAY",
  "FRAME_TOO_LARGE",
  "FRAME_REFUSED",
  "INVALID_CONTENT",
  "TIMEOUT",
  "CONNECTION_LOST",
  "NOT_CONNECTED",
  "CLOSED",
];

/** What goes wrong, by code: the client's own, or the server's. */
export class PushError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{cause?: unknown, retryAfter?: number}} [options]
   */
  constructor(code, message, options = {}) {
    super(message, options);
    this.name = "PushError";
    this.code = code;
    /** @type {number | undefined} with RATE_LIMITED: after how many seconds to try again */
    this.retryAfter = options.retryAfter;
  }
}
