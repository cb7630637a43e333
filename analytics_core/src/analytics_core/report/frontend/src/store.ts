// What the browser remembers. Storage may be missing, full, forbidden or full of nonsense: then it
// lasts as long as the page.

const PREFIX = "cocktail-atlas.";
const memory = new Map<string, string>();
/** What could not be stored: for this page it counts, and not what the storage had before. */
const unsaved = new Set<string>();

export function recall<T>(key: string, fallback: T, valid: (value: unknown) => boolean): T {
  let text = memory.get(key) ?? null;
  try {
    if (!unsaved.has(key)) text = localStorage.getItem(PREFIX + key) ?? text;
  } catch {
    // not allowed here
  }
  if (text === null) return fallback;
  try {
    const value: unknown = JSON.parse(text);
    return valid(value) ? (value as T) : fallback;
  } catch {
    return fallback;
  }
}

export function remember(key: string, value: unknown): void {
  const text = JSON.stringify(value);
  memory.set(key, text);
  try {
    localStorage.setItem(PREFIX + key, text);
    unsaved.delete(key);
  } catch {
    unsaved.add(key);
  }
}

/** Whether this lasts only as long as the page. */
export function isUnsaved(key: string): boolean {
  return unsaved.has(key);
}

/** All keys that begin so. */
export function keys(beginning: string): string[] {
  const found = new Set([...memory.keys()]);
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i) ?? "";
      if (key.startsWith(PREFIX)) found.add(key.slice(PREFIX.length));
    }
  } catch {
    // not allowed here
  }
  return [...found].filter((key) => key.startsWith(beginning)).sort();
}

/** Another tab wrote this. */
export function onOtherTab(key: () => string, listener: () => void): void {
  window.addEventListener("storage", (event) => {
    if (event.key === null || event.key === PREFIX + key()) listener();
  });
}
