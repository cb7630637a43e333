// What the owner set when the page was made: its title, a logo, and where recipes are.

import { h } from "./dom";
import { inAddress } from "./fold";

export interface Site {
  title?: string;
  /** With {id}, and perhaps {name}, where a recipe's stand. */
  recipe_url?: string;
  /** A picture as a data URL. */
  logo?: string;
}

export function site(): Site {
  const text = document.getElementById("site")?.textContent;
  return text ? (JSON.parse(text) as Site) : {};
}

export function recipeUrl({ recipe_url: pattern }: Site, id: number, name: string): string | null {
  if (!pattern) return null;
  return pattern.replaceAll("{id}", String(id)).replaceAll("{name}", inAddress(name));
}

/** Whether the page stands in a frame that asked for little. */
export const embedded = () =>
  new URLSearchParams(location.search).has("embed") || /[?&]embed\b/.test(location.hash);

export function brand({ title, logo }: Site): void {
  const link = document.getElementById("brand");
  if (!link) return;
  if (logo)
    link.replaceChildren(h("img", { src: logo, alt: title ?? "Cocktail Atlas", height: 32 }));
  else if (title) link.replaceChildren(h("em", {}, title));
}
