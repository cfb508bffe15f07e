/**
 * Where to connect, and as which user. From config.json beside the page, if there is one:
 *
 *   {"url": "wss://…", "user": "alice", "tokenEndpoint": "token", "command": "…"}
 *
 * and otherwise from the form, which `?url=` fills in. What comes by the page's address is never connected to by
 * itself, and never together with config.json's tokens: a link could have them sent anywhere.
 */

/** @typedef {{url: string, user: string, getToken: () => Promise<string | null>, command?: string}} Settings */

/**
 * @returns {Promise<Settings | null>} null if the form must ask
 */
export async function configured() {
  let response;
  try {
    response = await fetch("config.json", { cache: "no-store" });
  } catch {
    return null;
  }
  if (!response.ok) return null;
  const config = await response.json();
  if (typeof config.url !== "string") return null;
  const { url, user = "", tokenEndpoint, command } = config;
  return {
    url: tokenEndpoint ? url : asUser(url, user),
    user,
    getToken: async () => (tokenEndpoint ? askFor(tokenEndpoint) : null),
    command,
  };
}

/**
 * Read the form.
 *
 * @param {FormData} form
 * @returns {Settings}
 * @throws {TypeError} if the address is none
 */
export function entered(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const [url, token, user] = [text("url"), text("token"), text("user")];
  if (!/^wss?:\/\//.test(url)) throw new TypeError("The address begins with wss://");
  if (!token && !user) throw new TypeError("Give a token, or the name of a user where anonymous clients are let in.");
  if (token) return { url: new URL(url).href, user: "", getToken: async () => token };
  return { url: asUser(url, user), user, getToken: async () => null };
}

/** What `?url=` fills in. */
export function suggestedUrl() {
  return new URLSearchParams(location.search).get("url") ?? "";
}

async function askFor(/** @type {string} */ endpoint) {
  const response = await fetch(endpoint, { method: "POST", cache: "no-store" });
  if (!response.ok) throw new Error(`${endpoint} answered ${response.status}`);
  return (await response.text()).trim();
}

function asUser(/** @type {string} */ url, /** @type {string} */ user) {
  const address = new URL(url);
  if (user) address.searchParams.set("userId", user);
  return address.href;
}
