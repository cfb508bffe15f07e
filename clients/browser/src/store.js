/**
 * Keep the position in the browser's localStorage, so that a reloaded page resumes where it was.
 *
 * Give each user a key of their own: one user's position means nothing for another.
 *
 * @param {string} key
 * @param {Storage} [storage] sessionStorage, for a position of each tab
 * @returns {{load(): string | null, save(text: string): void}}
 */
export function localStore(key, storage) {
  // Looked up late: where storage is forbidden, even reading the property throws.
  const place = () => storage ?? globalThis.localStorage;
  return {
    load: () => place().getItem(key),
    save: (text) => place().setItem(key, text),
  };
}
