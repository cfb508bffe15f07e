/**
 * What goes wrong, by code: those of docs/protocol.md, as the server gave them, and the client's own:
 *
 * - `TOKEN`: the callback `token` threw, or did not answer in time
 * - `SOCKET`: the WebSocket could not be made, as from a page that may not connect there
 * - `STORE`: the store threw, as localStorage does where it is forbidden or full; the position is kept in memory
 * - `CALLBACK`: `onNotification` threw
 * - `UNREADABLE_FRAME`: the server sent something that is not a frame of the protocol
 * - `GATEWAY`: API Gateway itself answered with an error, such as a throttled message
 * - `TIMEOUT`, `CONNECTION_LOST`, `NOT_CONNECTED`, `CLOSED`: why `loadOlder` or `push` had no answer
 */
export class PushError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{cause?: unknown}} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "PushError";
    this.code = code;
  }
}
