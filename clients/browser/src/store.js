/**
 * Keep the position in the browser's localStorage, so that a reloaded page resumes where it was.
 *
 * A tab has a position of its own besides, in sessionStorage: what only another tab has shown, it has not.
 * Use a key for each user: one user's position means nothing for another.
 *
 * @param {string} key
 * @param {Storage} [storage] the only place, in place of both
 * @returns {{load(): string | null, save(text: string): void}}
 */
export function localStore(key, storage) {
  // Looked up late: where storage is forbidden, even reading the property throws.
  const places = () => (storage ? [storage] : [sessionStorage, localStorage]);
  return {
    load: () => places().reduce((found, place) => found ?? place.getItem(key), /** @type {string | null} */ (null)),
    save: (text) => places().forEach((place) => place.setItem(key, text)),
  };
}
