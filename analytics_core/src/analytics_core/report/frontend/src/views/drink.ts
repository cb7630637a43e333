// One drink: what is in it, what is near, and how to get there.

import { distance, ml, percent, written } from "../amounts";
import type { Context } from "../context";
import type { Line } from "../data";
import { h, named, plural, replace, type Child } from "../dom";
import { drinkLink, mark, meter, readiness, swaps, uniqueId } from "../parts";
import { to } from "../route";

let onlyBar = false;

export function drink(context: Context, recipe: number): HTMLElement {
  const { data, bar } = context;
  const neighbors = data.neighbors(recipe);
  const id = data.recipes.id[recipe];
  const family = data.recipes.family[recipe];
  const base = data.recipes.base[recipe];
  const facts: Child[] = [
    base >= 0 && [named(data.ingredient(base)), " · "],
    plural(data.size(recipe), "ingredient"),
    data.families[family] && [" · family of ", named(data.familyName(family))],
  ];
  const list = h("ol", { class: "neighbors" });
  const filter = h(
    "label",
    { class: "switch" },
    h("input", {
      type: "checkbox",
      onchange: (event) => {
        onlyBar = (event.target as HTMLInputElement).checked;
        fillList();
      },
    }),
    " from my bar",
  );
  const box = filter.querySelector("input")!;
  box.checked = onlyBar && bar.size > 0;
  filter.hidden = !bar.size;
  function fillList(): void {
    const kept = neighbors.filter(
      (neighbor) => !(onlyBar && bar.size) || bar.missing(neighbor.recipe).length === 0,
    );
    replace(
      list,
      kept.map((neighbor) =>
        h(
          "li",
          {},
          h(
            "div",
            { class: "row between" },
            drinkLink(context, neighbor.recipe),
            h(
              "span",
              { class: "distance", title: "Distance: 0 is the same drink" },
              distance(neighbor.distance),
            ),
          ),
          swaps(context, neighbor),
          h(
            "p",
            { class: "row small" },
            readiness(context, neighbor.recipe),
            h(
              "a",
              { class: "quiet", href: to.compare(id, data.recipes.id[neighbor.recipe]) },
              "compare",
              h("span", { class: "unseen" }, " with ", data.name(neighbor.recipe).slice(0, 80)),
            ),
          ),
        ),
      ),
      neighbors.length > 0 &&
        !kept.length &&
        h(
          "li",
          { class: "note" },
          "None of the nearest drinks can be made from your bar yet; the ticks beside the ingredients above show what is missing.",
        ),
    );
  }
  fillList();
  const nearby = uniqueId("near");
  return h(
    "article",
    { class: "drink-card" },
    h("h1", { tabindex: -1 }, mark(context, recipe), named(data.name(recipe))),
    h("p", { class: "facts" }, facts),
    h("div", { class: "row small" }, readiness(context, recipe)),
    h(
      "ul",
      { class: "recipe", "aria-label": "Ingredients" },
      data.lines(recipe).map((line) => ingredientLine(context, line)),
    ),
    h(
      "section",
      { "aria-labelledby": nearby },
      h(
        "div",
        { class: "row between head" },
        h(
          "h2",
          { id: nearby },
          neighbors.length ? "Nearest drinks" : "No other drink to compare with",
        ),
        neighbors.length > 0 && filter,
      ),
      neighbors.length > 0 &&
        h("p", { class: "note" }, "Amounts are for this drink's size. 0 would be the same drink."),
      list,
    ),
  );
}

/** A measure, the name, and a tick for what the reader owns. */
export function ingredientLine(context: Context, line: Line): HTMLElement {
  const { data, bar } = context;
  const owned = bar.has(line.ingredient);
  const standIn = bar.size && !owned ? bar.standIn(line.ingredient) : null;
  const name = data.ingredient(line.ingredient);
  return h(
    "li",
    { class: owned ? "owned" : "" },
    h(
      "div",
      { class: "measure" },
      h("span", { class: "amount" }, written(line)),
      line.unit?.toLowerCase() !== "each" && h("span", { class: "ml" }, ml(line.ml)),
    ),
    h(
      "div",
      { class: "what" },
      h("a", { href: to.ingredients(data.ingredients.id[line.ingredient]) }, named(name)),
      meter(line.fraction),
      h("span", { class: "unseen" }, `${percent(line.fraction)} of the drink`),
      standIn &&
        h(
          "span",
          { class: "note" },
          "you have ",
          named(data.ingredient(standIn.ingredient)),
          ", which stands in",
        ),
    ),
    h(
      "label",
      { class: "tick" },
      h("input", {
        type: "checkbox",
        "data-own": data.ingredients.id[line.ingredient],
        checked: owned,
        onchange: (event) => {
          const { checked } = event.target as HTMLInputElement;
          bar.set(line.ingredient, checked);
        },
      }),
      h("span", { class: "unseen" }, "I own ", name.slice(0, 80)),
    ),
  );
}
