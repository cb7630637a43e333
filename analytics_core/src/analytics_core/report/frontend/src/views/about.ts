import type { Context } from "../context";
import { h } from "../dom";
export function about(_context: Context, ..._more: unknown[]): HTMLElement {
  return h("h1", {}, "about");
}
