// Where the reader is, as the URL's hash tells it.

export type Route =
  | { view: "map" }
  | { view: "drink"; id: number }
  | { view: "search"; query: string }
  | { view: "bar" }
  | { view: "ingredients"; id: number | null }
  | { view: "compare"; a: number | null; b: number | null }
  | { view: "table"; query: string; page: number }
  | { view: "region"; family: number }
  | { view: "set"; ids: number[] }
  | { view: "path"; a: number | null; b: number | null; mine: boolean }
  | { view: "menu" }
  | { view: "desk" }
  | { view: "about" };

export const to = {
  map: () => "#/",
  drink: (id: number) => `#/drink/${id}`,
  search: (query: string) => `#/search/${encodeURIComponent(query)}`,
  bar: () => "#/bar",
  ingredients: (id: number | null = null) =>
    id === null ? "#/ingredients" : `#/ingredients/${id}`,
  compare: (a: number | null = null, b: number | null = null) =>
    `#/compare${a === null && b === null ? "" : `/${a ?? "-"}${b === null ? "" : `/${b}`}`}`,
  table: (query = "", page = 1) =>
    `#/table${query || page > 1 ? `/${page}${query ? `/${encodeURIComponent(query)}` : ""}` : ""}`,
  region: (family: number) => `#/region/${family}`,
  set: (ids: number[]) => `#/set/${ids.join(",")}`,
  path: (a: number, b: number, mine = false) => `#/path/${a}/${b}${mine ? "/mine" : ""}`,
  menu: () => "#/menu",
  desk: () => "#/desk",
  about: () => "#/about",
};

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return text ?? "";
  }
}

function id(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : null;
}

export function parse(hash: string): Route {
  const [view, first, second, third] = hash.replace(/^#?\/?/, "").split("/");
  switch (view) {
    case "drink": {
      const drink = id(first);
      return drink === null ? { view: "map" } : { view, id: drink };
    }
    case "search":
      return { view, query: decoded(first) };
    case "ingredients":
      return { view, id: id(first) };
    case "compare":
      return { view, a: id(first), b: id(second) };
    case "table":
      return { view, page: Math.max(1, id(first) ?? 1), query: decoded(second) };
    case "region":
      return { view, family: id(first) ?? -1 };
    case "set":
      return { view, ids: (first ?? "").split(",").flatMap((text) => id(text) ?? []) };
    case "path":
      return { view, a: id(first), b: id(second), mine: third === "mine" };
    case "bar":
    case "menu":
    case "desk":
    case "about":
      return { view };
    default:
      return { view: "map" };
  }
}

/** Views that leave the map beside them. */
export function isOnMap(view: string): boolean {
  return ["map", "drink", "search", "region", "set", "path"].includes(view);
}

export function go(hash: string): void {
  if (location.hash !== hash) location.hash = hash;
}
