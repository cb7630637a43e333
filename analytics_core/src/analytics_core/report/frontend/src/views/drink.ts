// One drink: what is in it, what is near, and how to get there.

import { isMetric, ml, percent, written } from "../amounts";
import type { Context } from "../context";
import type { Cell } from "../csv";
import type { Line, Neighbor } from "../data";
import { h, named, plural, replace, type Child } from "../dom";
import { nearness } from "../nearness";
import {
  apart,
  csvButton,
  drinkLink,
  evidence,
  mark,
  meter,
  numbersSwitch,
  readiness,
  recipeCell,
  saidBetween,
  stepsBetween,
  swaps,
  uniqueId,
} from "../parts";
import { sharePicture } from "../picture";
import { to } from "../route";
import { strength } from "../sentences";
import { recall, remember } from "../store";
import { nearest, type Reached } from "../ways";

const MOST_FROM_BAR = 10;

export function drink(context: Context, recipe: number): HTMLElement {
  const { data, bar } = context;
  const neighbors = data.neighbors(recipe);
  const id = data.recipes.id[recipe];
  const family = data.recipes.family[recipe];
  const base = data.recipes.base[recipe];
  const method = data.recipes.method?.[recipe];
  const alcohol = strength(data.strength(recipe), data.strength(recipe, true));
  const facts: Child[] = [
    base >= 0 && [named(data.ingredient(base)), " · "],
    plural(data.size(recipe), "ingredient"),
    method && [" · ", named(method)],
    alcohol && ` · ${alcohol}`,
    data.families[family] && [
      " · among ",
      h("a", { href: to.region(family) }, named(data.familyName(family))),
    ],
  ];
  const twins = (data.twins.get(recipe) ?? []).filter((other) => other !== recipe);
  const above = data.recipes.variant_of?.[recipe];
  const optional = data.optional(recipe);
  let mine: boolean =
    bar.size > 0 && recall<boolean>("from-bar", false, (value) => typeof value === "boolean");
  const list = h("ol", { class: "neighbors" });
  const filter = h(
    "label",
    { class: "switch" },
    h("input", {
      type: "checkbox",
      checked: mine,
      onchange: (event) => {
        mine = (event.target as HTMLInputElement).checked;
        remember("from-bar", mine);
        fillList();
      },
    }),
    " from my bar",
  );
  filter.hidden = !bar.size;
  let reached: Reached[] = [];
  function fillList(): void {
    reached = mine
      ? makeableNear(context, recipe)
      : neighbors.map((n) => ({ recipe: n.recipe, length: n.distance, way: [] }));
    replace(
      list,
      mine
        ? fromBar(context, recipe, reached)
        : neighbors.map((n) => neighborItem(context, recipe, n)),
    );
  }
  const rows = (): Cell[][] => [
    ["id", "drink", "distance", "in words", "what to change", "recipe"],
    ...reached.map(({ recipe: other, length, way }) => {
      const between = way.slice(1, -1).map((stop) => data.name(stop));
      const change =
        saidBetween(context, recipe, other) ||
        (between.length ? `By way of ${between.join(", ")}` : "");
      const cells = [data.recipes.id[other], data.recipes.name[other], length];
      const words = [nearness(length, data.unit), change];
      return [...cells, ...words, recipeCell(context, other)];
    }),
  ];
  fillList();
  const nearby = uniqueId("near");
  return h(
    "article",
    { class: "drink-card" },
    h("h1", { tabindex: -1 }, mark(context, recipe), named(data.name(recipe))),
    h("p", { class: "facts" }, facts),
    twins.length > 0 &&
      h(
        "p",
        { class: "facts" },
        "The same mix as ",
        twins.map((twin, i) => [i > 0 && ", ", drinkLink(context, twin)]),
      ),
    above !== undefined && h("p", { class: "facts" }, "A variant of ", drinkLink(context, above)),
    h("div", { class: "row small" }, readiness(context, recipe)),
    h(
      "ul",
      { class: "recipe", "aria-label": "Ingredients" },
      data.lines(recipe).map((line) => ingredientLine(context, recipe, line)),
    ),
    optional.length > 0 &&
      h(
        "p",
        { class: "facts" },
        "If you like: ",
        optional.map((line, n) => [
          n > 0 && ", ",
          `${written(line)} `,
          h(
            "a",
            { href: to.ingredients(data.ingredients.id[line.ingredient]) },
            named(data.ingredient(line.ingredient)),
          ),
        ]),
      ),
    h(
      "p",
      { class: "row wrap small" },
      context.recipeUrl(recipe) &&
        h("a", { class: "chip", href: context.recipeUrl(recipe), target: "_top" }, "The recipe"),
      h(
        "button",
        { type: "button", class: "quiet", onclick: () => void sharePicture(context, recipe) },
        "Share as a picture",
      ),
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
        neighbors.length > 0 &&
          h(
            "span",
            { class: "row" },
            numbersSwitch(context),
            filter,
            csvButton(`drinks near ${data.name(recipe)}`, rows),
          ),
      ),
      neighbors.length > 0 && h("p", { class: "note" }, "Amounts are for this drink's size."),
      list,
    ),
    h(
      "p",
      { class: "note" },
      h("a", { href: to.path(id, id) }, "A way from here to another drink"),
    ),
  );
}

function neighborItem(context: Context, recipe: number, neighbor: Neighbor): HTMLElement {
  const { data } = context;
  return h(
    "li",
    {},
    h(
      "div",
      { class: "row between" },
      drinkLink(context, neighbor.recipe),
      apart(context, neighbor.distance),
    ),
    swaps(context, neighbor),
    h(
      "p",
      { class: "row small" },
      readiness(context, neighbor.recipe),
      h(
        "a",
        {
          class: "quiet",
          href: to.compare(data.recipes.id[recipe], data.recipes.id[neighbor.recipe]),
        },
        "compare",
        h("span", { class: "unseen" }, " with ", data.name(neighbor.recipe).slice(0, 80)),
      ),
    ),
  );
}

/** The nearest drinks that can be made, however far: by way of others where they are not near. */
function makeableNear({ data, bar }: Context, recipe: number): Reached[] {
  const ready = (other: number) => ["ready", "stand-in"].includes(bar.standing(other).band);
  return nearest(data.ways, recipe, ready, MOST_FROM_BAR);
}

function fromBar(context: Context, recipe: number, found: Reached[]): HTMLElement[] {
  const { data } = context;
  if (!found.length) {
    return [
      h(
        "li",
        { class: "note" },
        "Nothing can be made from your bar yet. ",
        h("a", { href: to.bar() }, "My bar"),
        " says what a bottle more would open.",
      ),
    ];
  }
  const direct = new Map(data.neighbors(recipe).map((n) => [n.recipe, n]));
  return found.map((reached) => {
    const neighbor = direct.get(reached.recipe);
    if (neighbor) return neighborItem(context, recipe, neighbor);
    const between = reached.way.slice(1, -1);
    const ids = data.recipes.id;
    return h(
      "li",
      {},
      h(
        "div",
        { class: "row between" },
        drinkLink(context, reached.recipe),
        apart(context, reached.length),
      ),
      stepsBetween(context, recipe, reached.recipe),
      between.length > 0 &&
        h(
          "p",
          { class: "note" },
          "by way of ",
          between.map((other, i) => [
            i > 0 && (i === between.length - 1 ? " and " : ", "),
            named(data.name(other)),
          ]),
        ),
      h(
        "p",
        { class: "row small" },
        readiness(context, reached.recipe),
        h(
          "a",
          { class: "quiet", href: to.path(ids[recipe], ids[reached.recipe]) },
          "the way there",
        ),
      ),
    );
  });
}

/** A measure, the name, and a tick for what the reader owns. */
export function ingredientLine(context: Context, recipe: number, line: Line): HTMLElement {
  const { data, bar } = context;
  const made = bar.shelf.madeOf(line.ingredient);
  const owned = bar.has(line.ingredient);
  const standIn =
    bar.size && !owned ? bar.shelf.standIn(line.ingredient, bar.tolerance, recipe) : null;
  const name = data.ingredient(line.ingredient);
  return h(
    "li",
    { class: owned ? "owned" : "" },
    h(
      "div",
      { class: "measure" },
      h("span", { class: "amount" }, written(line)),
      line.unit?.toLowerCase() !== "each" &&
        !isMetric(line.unit) &&
        h("span", { class: "ml" }, ml(line.ml)),
    ),
    h(
      "div",
      { class: "what" },
      h("a", { href: to.ingredients(data.ingredients.id[line.ingredient]) }, named(name)),
      meter(line.fraction),
      h("span", { class: "unseen" }, `${percent(line.fraction)} of the drink`),
      made &&
        h(
          "span",
          { class: "note" },
          "make it from ",
          made.map((i, n) => [n > 0 && " and ", named(data.ingredient(i))]),
        ),
      standIn &&
        h(
          "span",
          { class: "note" },
          named(data.ingredient(standIn.ingredient)),
          " stands in: ",
          evidence(standIn),
        ),
    ),
    h(
      "label",
      { class: "tick" },
      h("input", {
        type: "checkbox",
        "data-own": data.ingredients.id[line.ingredient],
        checked: owned && !made,
        onchange: (event) => {
          const { checked } = event.target as HTMLInputElement;
          bar.toggle(line.ingredient, checked);
        },
      }),
      h("span", { class: "unseen" }, "I own ", name.slice(0, 80)),
    ),
  );
}
