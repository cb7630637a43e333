// A way between two drinks: a chain of small changes, each as it is published.

import type { Context } from "../context";
import { h, named, type Child } from "../dom";
import {
  apart,
  csvButton,
  drinkLink,
  readiness,
  published,
  recipeCell,
  saidBetween,
  stepsBetween,
} from "../parts";
import { go, to } from "../route";
import { chain } from "../ways";
import { picker } from "./compare";

/** The drinks on the way, for the map. */
export function wayBetween(context: Context, a: number, b: number, mine: boolean): number[] {
  const { data, bar } = context;
  const ready = (recipe: number) => ["ready", "stand-in"].includes(bar.standing(recipe).band);
  return chain(data.ways, data.stock.needs, a, b, mine ? ready : undefined)?.way ?? [];
}

export function path(
  context: Context,
  a: number | undefined,
  b: number | undefined,
  mine: boolean,
  unknown: (number | null)[],
): HTMLElement {
  const { data, bar } = context;
  const id = (recipe: number) => data.recipes.id[recipe];
  const body: Child[] = unknown.map((key) =>
    h("p", { role: "alert" }, `This run has no drink with the id ${key}.`),
  );
  if (a !== undefined && b !== undefined && a !== b) {
    const way = wayBetween(context, a, b, mine);
    if (bar.size) {
      body.push(
        h(
          "label",
          { class: "switch" },
          h("input", {
            type: "checkbox",
            checked: mine,
            onchange: () => go(to.path(id(a), id(b), !mine)),
          }),
          " only through what I can make",
        ),
      );
    }
    body.push(
      way.length > 0 &&
        h(
          "p",
          {},
          csvButton(`the way from ${data.name(a)} to ${data.name(b)}`, () => [
            ["id", "drink", "what to change", "recipe"],
            ...way.map((recipe, i) => {
              const words = i > 0 ? saidBetween(context, way[i - 1], recipe) : "";
              return [id(recipe), data.recipes.name[recipe], words, recipeCell(context, recipe)];
            }),
          ]),
        ),
      way.length
        ? h(
            "ol",
            { class: "neighbors" },
            way.map((recipe, i) => step(context, way[i - 1], recipe)),
          )
        : h(
            "p",
            { class: "note" },
            mine
              ? "There is no such way: no chain of drinks that you can make leads from the one to the other."
              : "There is no such way: no chain of near drinks leads from the one to the other.",
          ),
      h("p", {}, h("a", { href: to.compare(id(a), id(b)) }, "Compare the two ends")),
    );
  } else {
    body.push(h("p", { class: "note" }, "Choose the drink to go to."));
  }
  return h(
    "div",
    { class: "results" },
    h(
      "h1",
      { tabindex: -1 },
      "A way",
      a !== undefined && [" from ", named(data.name(a))],
      b !== undefined && b !== a && [" to ", named(data.name(b))],
    ),
    picker(context, "From", a, (recipe) =>
      go(to.path(id(recipe), b === undefined ? id(recipe) : id(b), mine)),
    ),
    picker(context, "To", b === a ? undefined : b, (recipe) =>
      go(to.path(a === undefined ? id(recipe) : id(a), id(recipe), mine)),
    ),
    body,
  );
}

function step(context: Context, from: number | undefined, recipe: number): HTMLElement {
  const near = from === undefined ? undefined : published(context, from, recipe)?.neighbor;
  return h(
    "li",
    {},
    from !== undefined && stepsBetween(context, from, recipe),
    h(
      "div",
      { class: "row between" },
      drinkLink(context, recipe),
      near && apart(context, near.distance),
    ),
    readiness(context, recipe),
  );
}
