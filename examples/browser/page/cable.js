/**
 * WebSockets with a cable that the page can pull: the client sees what it would see of a network that is gone, and does
 * what it would do then. For watching it resume.
 */
export class Cable {
  #sockets = new Set();
  #plugged = true;

  /** The class to give to the client. */
  get WebSocket() {
    const cable = this;
    return class extends globalThis.WebSocket {
      constructor(/** @type {string} */ url, /** @type {string[] | undefined} */ protocols) {
        super(url, protocols);
        cable.#sockets.add(this);
        this.addEventListener("close", () => cable.#sockets.delete(this));
        if (!cable.#plugged) this.close();
      }
    };
  }

  get plugged() {
    return this.#plugged;
  }

  /** End every connection, and let none be opened. */
  pull() {
    this.#plugged = false;
    for (const socket of this.#sockets) socket.close();
  }

  plug() {
    this.#plugged = true;
  }
}
