/**
 * The page of one client: listens to the topics of config.json beside it, and shows what comes, by topic.
 *
 *   {"url": "wss://…", "tokenEndpoint": "token", "topics": ["org/7"]}
 */

import { createPushClient } from "../../../clients/browser/src/index.js";

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const config = await (await fetch("config.json", { cache: "no-store" })).json();

const client = createPushClient({
  url: config.url,
  getToken: async ({ signal }) => {
    const response = await fetch(config.tokenEndpoint, { method: "POST", cache: "no-store", signal });
    if (!response.ok) throw new Error(`${config.tokenEndpoint} answered ${response.status}`);
    return (await response.text()).trim();
  },
  onNotification: show,
  onState(state) {
    element("state").dataset.state = element("state").textContent = state;
  },
  onError: (problem) => console.warn("websocket-push:", problem.code, problem.message),
});

const { topics, refused } = await client.subscribe(config.topics);
element("topics").textContent = topics.join(", ") || "broadcasts alone";
element("refused").textContent = refused.map(({ topic, code }) => `Refused: ${topic} (${code}).`).join(" ");
document.body.dataset.subscribed = "true";

function show(/** @type {import("../../../clients/browser/src/index.d.ts").Notification} */ { id, topic, content }) {
  const entry = document.createElement("li");
  entry.id = id;
  const name = document.createElement("span");
  name.className = "topic";
  name.textContent = topic === undefined ? "to you" : topic === "*" ? "to all" : topic;
  entry.append(name, " ", typeof content === "string" ? content : JSON.stringify(content));
  // A late one can come after one with a later id.
  const list = element("list");
  list.insertBefore(entry, [...list.children].find((each) => each.id > id) ?? null);
}
