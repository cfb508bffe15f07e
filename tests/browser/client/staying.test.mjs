import assert from "node:assert/strict";
import { test } from "node:test";

import { START, idAt, world } from "./world.mjs";

const MINUTE = 60_000;
const pings = (server) => server.received.filter(({ action }) => action === "ping");

test("it pings inside the interval that the session names, where pings are asked for", async () => {
  const { server, clock, client } = world();
  server.keepalive = { action: "ping", seconds: 120 };
  await clock.pass(10 * MINUTE);
  assert.equal(pings(server).length, 5); // every 108 s, with a random of 0.5
  assert.deepEqual([client.state, server.sockets.length], ["open", 1]);
});

test("a ping that is not answered ends the connection, and it comes back", async () => {
  const { server, clock, client, states } = world();
  server.keepalive = { action: "ping", seconds: 300 };
  await clock.pass(MINUTE);
  server.mute = true;
  await clock.pass(5 * MINUTE);
  assert.ok(states.some(({ reason }) => reason === "silent"));
  assert.equal(server.sockets[0].readyState, 3);
  server.mute = false;
  await clock.pass(2 * MINUTE);
  assert.equal(client.state, "open");
});

test("any frame is a sign of life", async () => {
  const { server, clock, client } = world();
  server.keepalive = { action: "ping", seconds: 300 };
  await clock.pass(MINUTE);
  server.mute = true;
  await clock.pass(3.5 * MINUTE + 5000); // the ping went out at 4.5 minutes
  assert.equal(pings(server).length, 1);
  server.push(idAt(clock.now()));
  await clock.pass(10_000);
  assert.equal(client.state, "open");
});

test("it is replaced ahead of the session's end, the old one still open, and nothing falls between", async () => {
  const { server, clock, ids, names, client } = world();
  server.life = 60 * MINUTE;
  const pushed = [];
  server.before = (socket, { action }) => {
    // One while the successor resumes, to the old one alone: the index does not show the new one yet.
    if (action === "poll" && server.sockets.length === 2)
      pushed.push(server.push(idAt(clock.now(), pushed.length), [server.sockets[0]]));
    return false;
  };
  await clock.pass(58.4 * MINUTE);
  assert.equal(server.sockets.length, 1);
  await clock.pass(0.1 * MINUTE + 10); // at 58.5 minutes: 2 minutes less a quarter before the end
  assert.equal(server.open.length, 2);
  pushed.push(server.push(idAt(clock.now(), 10)));
  await clock.pass(3000);
  assert.deepEqual(server.open, [server.sockets[1]]);
  pushed.push(server.push(idAt(clock.now(), 20)));
  assert.deepEqual([...ids()].sort(), pushed);
  assert.deepEqual(names(), ["connecting", "resuming", "open"]);
  assert.equal(client.session.connectionId, "c1");
  await clock.pass(58 * MINUTE);
  assert.equal(server.sockets.length, 2);
  await clock.pass(MINUTE);
  assert.equal(server.sockets.length, 3);
});

test("a replacement that fails leaves the old one, and is tried again until it succeeds", async () => {
  const { server, clock, names } = world();
  server.life = 60 * MINUTE;
  await clock.pass(58 * MINUTE);
  server.refusing = true;
  await clock.pass(35_000);
  assert.equal(server.open.length, 1);
  server.refusing = false;
  await clock.pass(50_000);
  assert.deepEqual(server.open, [server.last]);
  assert.ok(server.sockets.length > 2);
  assert.deepEqual(names(), ["connecting", "resuming", "open"]);
});

test("an old connection that ends before its successor is up leaves the place to it", async () => {
  const { server, clock, ids, names } = world();
  await clock.pass(1);
  server.mute = true;
  server.before = () => server.sockets.length > 1;
  server.mute = false;
  await clock.pass(server.life - 80_000);
  assert.equal(server.open.length, 2);
  server.sockets[0].fail(1001);
  const missed = server.push(idAt(clock.now()), []);
  server.before = () => false;
  assert.deepEqual(names(), ["connecting", "resuming", "open", "resuming"]);
  await clock.pass(20_000); // the unanswered poll costs the successor; the next one is answered
  assert.deepEqual(ids(), [missed]);
  assert.equal(names().at(-1), "open");
});

test("a clock that is hours ahead does not have it reconnect for ever", async () => {
  const { server, clock } = world();
  server.life = -3 * 60 * MINUTE;
  await clock.pass(30 * MINUTE);
  assert.equal(server.sockets.length, 1);
});

test("a short token is replaced in time as well", async () => {
  const { server, clock, names } = world();
  server.life = 20_000;
  await clock.pass(2 * MINUTE);
  assert.ok(server.sockets.length >= 6);
  assert.deepEqual(names(), ["connecting", "resuming", "open"]);
});

test("a bye makes it reconnect soon, but not at the same time as all others", async () => {
  const { server, clock, client, states } = world();
  await clock.pass(MINUTE);
  server.last.receive({ type: "bye", reason: "token_expired" });
  const { reason, retryIn } = states.at(-1);
  assert.deepEqual([client.state, reason, retryIn], ["waiting", "bye", 1000]);
  await clock.pass(1000);
  assert.equal(client.state, "open");
});

test("drops at random, over an hour: every notification once, in whatever order", async () => {
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const { server, clock, ids, client } = world({ client: { random } });
  const pushed = [];
  for (let second = 0; second < 3600; second++) {
    const late = random() < 0.3 ? 5000 : 0;
    // A connection that was just opened is not in the index yet.
    const shown = server.open.filter(({ openedAt }) => clock.now() - openedAt > 2000);
    pushed.push(server.push(idAt(clock.now() - late, second), shown));
    const fate = random();
    if (fate < 0.02) server.last.fail();
    server.mute = fate > 0.99;
    server.refusing = fate > 0.97 && fate < 0.98;
    await clock.pass(1000);
  }
  server.mute = server.refusing = false;
  await clock.pass(5 * MINUTE);
  assert.equal(client.state, "open");
  assert.deepEqual([...ids()].sort(), [...pushed].sort());
  assert.ok(client.stats.resumed > 50, JSON.stringify(client.stats));
  client.close();
  assert.equal(clock.pending, 0);
});
