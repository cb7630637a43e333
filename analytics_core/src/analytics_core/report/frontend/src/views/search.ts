// Everything that a search found.

import type { Context } from "../context";
import { h, named, plural } from "../dom";
import { drinksCsv, entry, longList } from "../parts";
import { to } from "../route";
import { portrait } from "./gathering";

export function results(context: Context, query: string, found: number[]): HTMLElement {
  const { data } = context;
  const ingredients = data.searchIngredients(query, 6);
  return h(
    "div",
    { class: "results" },
    h(
      "h1",
      { tabindex: -1 },
      plural(found.length, "drink"),
      " with ",
      h("em", {}, "“", named(query), "”"),
    ),
    ingredients.length > 0 &&
      h(
        "p",
        { class: "row wrap" },
        ingredients.map((index) =>
          h(
            "a",
            { class: "chip", href: to.ingredients(data.ingredients.id[index]) },
            named(data.ingredient(index)),
            h("span", { class: "count" }, data.ingredients.total[index]),
          ),
        ),
      ),
    found.length === 0
      ? h(
          "p",
          { class: "note" },
          "Nothing by that name. Ingredients count too: try “lime”, or “rum, mint”.",
        )
      : [
          found.length > 4 && portrait(context, found),
          h(
            "p",
            {},
            drinksCsv(context, `drinks with ${query}`, () => found),
          ),
          longList(
            found.map((recipe) => () => entry(context, recipe)),
            40,
          ),
        ],
  );
}
