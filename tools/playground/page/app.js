/** The playground: pushes as a backend does, to users whose pages are shown side by side. */

const find = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const { users, command } = await (await fetch("playground.json", { cache: "no-store" })).json();
/** @type {{id: string, userIds: string[]} | null} */
let last = null;

find("command").textContent = command;
for (const [index, user] of users.entries()) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "to", value: user, checked: index === 0 });
  label.append(box, ` ${user}`);
  find("users").append(label);
  const frame = Object.assign(document.createElement("iframe"), { src: `users/${user}/`, title: `The page of ${user}` });
  const page = document.createElement("section");
  page.append(Object.assign(document.createElement("h2"), { textContent: user }), frame);
  find("pages").append(page);
}

find("push").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const userIds = [...document.querySelectorAll("input[name=to]:checked")].map((each) => /** @type {any} */ (each).value);
  if (userIds.length === 0) return say("Choose a user.");
  void push({ userIds, content: find("content").value, key: find("key").value || undefined });
});

find("recall").addEventListener("click", () => {
  if (last !== null) void push({ userIds: last.userIds, recall: last.id });
});

async function push(/** @type {any} */ request) {
  say("Pushing");
  try {
    const response = await fetch("push", { method: "POST", body: JSON.stringify(request) });
    const answer = await response.json();
    if (answer.errorType) return say(`${answer.errorType}: ${answer.errorMessage}`);
    const { delivered, persisted } = answer.totals;
    const done = request.recall ? "Recalled" : "Pushed";
    say(`${done}: kept for ${persisted}, delivered to ${delivered} connection${delivered === 1 ? "" : "s"}.`);
    last = request.recall ? null : { id: answer.id, userIds: request.userIds };
    find("recall").disabled = last === null;
  } catch (problem) {
    say(`Not pushed: ${/** @type {Error} */ (problem).message}`);
  }
}

function say(/** @type {string} */ text) {
  find("said").textContent = text;
}
