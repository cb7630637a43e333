// A bar as it is kept between visits: with names beside the ids, and apart for each database.

import { fold } from "./fold.ts";

export type Kept = [id: number, name: string];

export interface KeptBar {
  /** The top of the ingredient tree, by which a database is known again. */
  roots: Kept[];
  own: Kept[];
}

export interface Known {
  ids: number[];
  names: string[];
}

const MOST_ROOTS = 60;
const SAME_SHARE = 0.75;

function isKept(value: unknown): value is Kept[] {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) => Array.isArray(entry) && Number.isInteger(entry[0]) && typeof entry[1] === "string",
    )
  );
}

/** Whether a stored value is a bar; it may be anything. */
export function isBar(value: unknown): value is KeptBar {
  if (typeof value !== "object" || value === null) return false;
  const { roots, own } = value as Record<string, unknown>;
  return isKept(roots) && isKept(own);
}

export function rootsOf({ ids, names }: Known, roots: number[]): Kept[] {
  return roots.slice(0, MOST_ROOTS).map((i) => [ids[i], names[i].slice(0, 80)]);
}

/** A short key that another database does not have (FNV-1a over its roots). */
export function scope(roots: Kept[]): string {
  let hash = 0x811c9dc5;
  for (const letter of JSON.stringify(roots)) {
    hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0;
  }
  return hash.toString(36);
}

/** Whether two databases are one, which grew in between. */
export function isSame(a: Kept[], b: Kept[]): boolean {
  const keys = (roots: Kept[]) => new Set(roots.map(([id, name]) => `${id}:${fold(name)}`));
  const [ours, theirs] = [keys(a), keys(b)];
  const shared = [...ours].filter((key) => theirs.has(key)).length;
  return shared > 0 && shared >= SAME_SHARE * Math.max(ours.size, theirs.size);
}

/** The ingredients that a kept bar means, and what is not there any more. */
export function recognized(own: Kept[], { ids, names }: Known): { found: number[]; lost: Kept[] } {
  const byId = new Map(ids.map((id, i) => [id, i]));
  const byName = new Map<string, number>();
  names.forEach((name, i) => byName.set(fold(name), byName.has(fold(name)) ? -1 : i));
  const found = new Set<number>();
  const lost: Kept[] = [];
  for (const [id, name] of own) {
    const at = byId.get(id);
    const folded = fold(name);
    const named = byName.get(folded) ?? -1;
    if (at !== undefined && fold(names[at].slice(0, 80)) === folded) found.add(at);
    else if (named >= 0) found.add(named);
    else lost.push([id, name]);
  }
  return { found: [...found], lost };
}

export function keeping(own: Iterable<number>, lost: Kept[], { ids, names }: Known): Kept[] {
  return [...[...own].map((i): Kept => [ids[i], names[i].slice(0, 80)]), ...lost];
}
