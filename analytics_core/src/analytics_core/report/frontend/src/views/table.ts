// Everything the map says, as a table.

import { written } from "../amounts";
import type { Context } from "../context";
import { h, named, plural } from "../dom";
import { apart, drinkLink, drinksCsv, numbersSwitch, provenance, readiness, swaps } from "../parts";
import { go, to } from "../route";

const ROWS = 50;

export function table(context: Context, query: string, page: number): HTMLElement {
  const { data } = context;
  const all = query
    ? data.search(query)
    : Array.from({ length: data.count }, (_, i) => i).sort((a, b) =>
        data.title(a) < data.title(b) ? -1 : 1,
      );
  const pages = Math.max(1, Math.ceil(all.length / ROWS));
  const at = Math.min(page, pages);
  const shown = all.slice((at - 1) * ROWS, at * ROWS);
  const filter = h("input", {
    class: "field",
    type: "search",
    value: query,
    "aria-label": "Filter the table",
    placeholder: "Filter by name or ingredient",
    onchange: (event) => go(to.table((event.target as HTMLInputElement).value.trim())),
  });
  const turn = (to_: number, label: string) =>
    to_ >= 1 && to_ <= pages && h("a", { class: "chip", href: to.table(query, to_) }, label);
  return h(
    "div",
    { class: "view" },
    h("h1", { tabindex: -1 }, "All drinks, ", h("em", {}, "in words")),
    h(
      "div",
      { class: "row wrap" },
      filter,
      drinksCsv(context, query ? `drinks with ${query}` : "all drinks", () => all),
      numbersSwitch(context),
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of drinks" },
      h(
        "table",
        {},
        h(
          "caption",
          {},
          `${plural(all.length, "drink")}, page ${at} of ${pages}. ${provenance(context)}.`,
        ),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Drink", "Base", "Family", "Ingredients", "Nearest drinks"].map((label) =>
              h("th", { scope: "col" }, label),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          shown.map((recipe) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, drinkLink(context, recipe), readiness(context, recipe)),
              h(
                "td",
                {},
                data.recipes.base[recipe] >= 0 && named(data.ingredient(data.recipes.base[recipe])),
              ),
              h("td", {}, named(data.familyName(data.recipes.family[recipe]))),
              h(
                "td",
                {},
                h(
                  "ul",
                  {},
                  data
                    .lines(recipe)
                    .map((line) =>
                      h("li", {}, `${written(line)} `, named(data.ingredient(line.ingredient))),
                    ),
                ),
              ),
              h("td", {}, near(context, recipe)),
            ),
          ),
        ),
      ),
    ),
    h("p", { class: "row" }, turn(at - 1, "← Previous"), turn(at + 1, "Next →")),
  );
}

function near(context: Context, recipe: number): HTMLElement {
  const { data } = context;
  const list = h("ul", {});
  const neighbors = data.neighbors(recipe);
  return h(
    "details",
    {
      ontoggle: () => {
        if (list.childElementCount) return;
        for (const n of neighbors)
          list.append(
            h(
              "li",
              {},
              drinkLink(context, n.recipe),
              " ",
              apart(context, n.distance),
              swaps(context, n),
            ),
          );
      },
    },
    h(
      "summary",
      {},
      neighbors.length
        ? [
            named(data.name(neighbors[0].recipe)),
            ", ",
            apart(context, neighbors[0].distance),
            neighbors.length > 1 && `, ${neighbors.length - 1} more`,
          ]
        : "none",
    ),
    list,
  );
}
