// Plays the conversations of clients/conformance with the browser client; the README there says what they mean.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { createInbox } from "../../../clients/browser/src/inbox.js";
import { createPushClient } from "../../../clients/browser/src/index.js";
import { Clock, memory, settle } from "./world.mjs";

const FOLDER = new URL("../../../clients/conformance/", import.meta.url);
const STEP = 100;

class Player {
  clock = new Clock();
  sockets = [];
  received = [];
  left = 0;
  shown = [];
  recalled = [];
  counts = [];
  known = null;
  refusals = [];
  errors = [];

  constructor({ now, stored, topics = [] }) {
    this.clock.time = Date.parse(now);
    const player = this;
    this.client = createPushClient({
      url: "wss://example.test/live",
      store: memory(stored),
      topics,
      onNotification: ({ id }) => this.shown.push(id),
      onError: ({ code }) => this.errors.push(code),
      random: () => 0.5,
      now: this.clock.now,
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      WebSocket: class {
        readyState = 0;
        constructor() {
          player.sockets.push(this);
        }
        send(text) {
          player.received.push({ socket: this, message: JSON.parse(text) });
        }
        close() {
          if (this.readyState === 1) player.left++;
          this.readyState = 3;
        }
      },
    });
    this.client.on("recall", ({ recalls }) => this.recalled.push(recalls));
    this.client.on("inbox", (state) => {
      this.counts.push(state.unreadCount);
      this.known = state;
    });
    this.inbox = createInbox(this.client, {
      now: this.clock.now,
      random: () => 0.5,
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      onError: ({ code }) => this.refusals.push(code),
    });
  }

  async marks({ marks, sends, reply, then: following = [], result, refused }) {
    const { seenUpTo, readUpTo, read = [], unread = [] } = marks;
    if (seenUpTo) this.inbox.markSeenUpTo(seenUpTo);
    if (readUpTo) this.inbox.markReadUpTo(readUpTo);
    this.inbox.markRead(...read);
    this.inbox.markUnread(...unread);
    await this.sends({ sends, reply });
    for (const step of following) await this.play(step);
    assert.deepEqual(this.refusals.splice(0), refused ? [refused] : []);
    if (!refused) assert.partialDeepStrictEqual(this.known, result);
  }

  get oldest() {
    return this.sockets.find(({ readyState }) => readyState === 1);
  }

  get socket() {
    return this.sockets.findLast(({ readyState }) => readyState === 1);
  }

  async until(condition, seconds, what) {
    await settle();
    for (let passed = 0; !condition(); passed += STEP) {
      assert.ok(passed <= seconds * 1000, `not within ${seconds} s: ${what}`);
      await this.clock.pass(STEP);
    }
  }

  async connects({ connects, within = 20, before = [] }) {
    await this.until(() => this.sockets.some(({ readyState }) => readyState === 0), within, "a connection");
    const socket = this.sockets.find(({ readyState }) => readyState === 0);
    for (const step of before) await this.play(step);
    if (socket.readyState === 3) return; // The client has given it up.
    if (connects === "refused") {
      socket.readyState = 3;
      socket.onclose({ code: 1006 });
    } else {
      socket.readyState = 1;
      socket.onopen({});
    }
    await settle();
  }

  async sends({ sends, within = 20, without = [], afterAtMost, before = [], reply, replyAsItIs }) {
    await this.until(() => this.received.length > 0, within, JSON.stringify(sends));
    const { socket, message } = this.received.shift();
    assert.partialDeepStrictEqual(message, sends);
    for (const name of without) assert.ok(!(name in message), `without ${name}`);
    if (afterAtMost !== undefined) assert.ok(message.after <= afterAtMost, `after ${message.after}`);
    for (const step of before) await this.play(step);
    const frame = replyAsItIs ?? (reply && { ...reply, ...("requestId" in message && { requestId: message.requestId }) });
    if (frame) await this.receive(socket, JSON.stringify(frame));
  }

  async receive(socket, data) {
    socket.onmessage?.({ data });
    await settle();
  }

  async pushes({ pushes, sends, reply, then: following = [], result, refused }) {
    const { contentOfBytes, ...request } = pushes;
    if (contentOfBytes) request.content = "x".repeat(contentOfBytes);
    const outcome = this.client.push(request).then(
      (report) => ({ report }),
      ({ code }) => ({ code }),
    );
    if (sends) await this.sends({ sends, reply });
    for (const step of following) await this.play(step);
    assert.deepEqual(await outcome, refused ? { code: refused } : { report: result });
  }

  async play(step) {
    if ("connects" in step) return this.connects(step);
    if ("pushes" in step) return this.pushes(step);
    if ("marks" in step) return this.marks(step);
    if ("sends" in step) return this.sends(step);
    if ("receives" in step) return this.receive(step.on ? this.oldest : this.socket, JSON.stringify(step.receives));
    if ("receivesText" in step) return this.receive(this.socket, step.receivesText);
    if ("leaves" in step) {
      await this.until(() => this.left > 0, step.within ?? 1, "the client leaves");
      this.left--;
    } else if ("closes" in step) {
      const { socket } = this;
      socket.readyState = 3;
      socket.onclose({ code: step.closes });
      await settle();
    } else if ("shows" in step) assert.deepEqual(this.shown.splice(0), step.shows);
    else if ("recalls" in step) assert.deepEqual(this.recalled.splice(0), step.recalls);
    else if ("inbox" in step) assert.deepEqual(this.counts.splice(0), step.inbox);
    else if ("errors" in step) {
      await settle();
      assert.deepEqual(this.errors.splice(0), step.errors);
    } else if ("state" in step) assert.equal(this.client.state, step.state);
    else if ("quiet" in step) {
      const before = [this.received.length, this.sockets.length];
      await this.clock.pass(step.quiet * 1000);
      assert.deepEqual([this.received.length, this.sockets.length], before);
    } else assert.fail(`an unknown step: ${JSON.stringify(step)}`);
  }
}

for (const name of readdirSync(FOLDER).filter((each) => each.endsWith(".json"))) {
  test(name, async () => {
    const conversation = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
    const player = new Player(conversation);
    for (const [number, step] of conversation.steps.entries()) {
      try {
        await player.play(step);
      } catch (problem) {
        problem.message = `step ${number} of ${name}: ${problem.message}`;
        throw problem;
      }
    }
    player.inbox.close();
    player.client.close();
    assert.equal(player.clock.pending, 0);
  });
}
