import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  keys,
  recall,
  remember,
} from "../../../../analytics_core/src/analytics_core/report/frontend/src/store.ts";

/** A browser's storage that takes what is there, and nothing new once it is full. */
class Storage {
  full = false;
  private readonly kept = new Map<string, string>();
  get length(): number {
    return this.kept.size;
  }
  key = (i: number) => [...this.kept.keys()][i] ?? null;
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem(key: string, value: string): void {
    if (this.full) throw new Error("QuotaExceededError");
    this.kept.set(key, value);
  }
}

const isList = Array.isArray;
const list = (key: string) => recall<string[]>(key, [], isList);
let storage: Storage;

beforeEach(() => {
  storage = new Storage();
  Object.assign(globalThis, { localStorage: storage });
});

test("what a full storage refuses lasts as long as the page, over what is stored", () => {
  remember("bar.full", ["Campari"]);
  storage.full = true;
  for (const bottle of ["London Dry Gin", "Sweet Vermouth"])
    remember("bar.full", [...list("bar.full"), bottle]);
  assert.deepEqual(list("bar.full"), ["Campari", "London Dry Gin", "Sweet Vermouth"]);
  remember("bar.full", []);
  assert.deepEqual(list("bar.full"), []);
  assert.deepEqual(keys("bar.f"), ["bar.full"]);
});

test("once there is room again, what is stored counts, from other tabs too", () => {
  storage.full = true;
  remember("bar.room", ["Campari"]);
  storage.full = false;
  remember("bar.room", ["Campari", "Aperol"]);
  assert.deepEqual(list("bar.room"), ["Campari", "Aperol"]);
  storage.setItem("cocktail-atlas.bar.room", '["Cynar"]');
  assert.deepEqual(list("bar.room"), ["Cynar"]);
});

test("without a storage everything lasts as long as the page", () => {
  Object.assign(globalThis, { localStorage: undefined });
  assert.deepEqual(list("bar.none"), []);
  remember("bar.none", ["Campari"]);
  assert.deepEqual(list("bar.none"), ["Campari"]);
});

test("nonsense in the storage is as good as nothing", () => {
  storage.setItem("cocktail-atlas.bar.odd", "{");
  assert.deepEqual(list("bar.odd"), []);
  storage.setItem("cocktail-atlas.bar.odd", '"a text"');
  assert.deepEqual(list("bar.odd"), []);
});
