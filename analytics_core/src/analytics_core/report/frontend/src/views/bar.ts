// What the reader owns, what can be made from it, and what to buy next.

import type { Context } from "../context";
import { h, named, plural, replace } from "../dom";
import { drinkLink, longList, provenance, summary } from "../parts";
import { plainText } from "../data";
import { to } from "../route";

const STAPLES = 14;

export function bar(context: Context): HTMLElement {
  const { data, bar: mine } = context;
  const outcome = h("div", { class: "outcome", "aria-live": "polite" });
  const shelf = h("div", { class: "shelf" });
  const filter = h("input", {
    class: "field",
    type: "search",
    placeholder: "Filter ingredients",
    "aria-label": "Filter ingredients",
    oninput: () => fillShelf(),
  });

  function tick(ingredient: number, all: boolean): HTMLElement {
    const box = h("input", {
      type: "checkbox",
      "data-own": data.ingredients.id[ingredient],
      checked: mine.owns(ingredient),
      onchange: (event) => {
        mine.set(ingredient, (event.target as HTMLInputElement).checked);
        fillOutcome();
      },
    });
    const up = data.ingredients.parent[ingredient];
    return h(
      "label",
      { class: "own" },
      box,
      named(data.ingredient(ingredient)),
      all && up >= 0 && h("span", { class: "count" }, named(data.ingredient(up))),
      h("span", { class: "count" }, data.ingredients.total[ingredient]),
    );
  }

  function fillShelf(): void {
    const query = plainText(filter.value.trim());
    const used = data.ingredients.name
      .map((_, i) => i)
      .filter((i) => data.ingredients.total[i] > 0);
    if (query) {
      const found = used.filter((i) => plainText(data.ingredient(i)).includes(query)).slice(0, 60);
      replace(
        shelf,
        found.map((i) => tick(i, true)),
        !found.length && h("p", { class: "note" }, "No such ingredient"),
      );
      return;
    }
    const popular = [...used]
      .filter((i) => data.ingredients.own[i] > 0)
      .sort((a, b) => data.ingredients.total[b] - data.ingredients.total[a])
      .slice(0, STAPLES);
    const below = (index: number): number[] => [index, ...data.children[index].flatMap(below)];
    replace(
      shelf,
      h(
        "details",
        { open: true },
        h("summary", {}, "Most used"),
        h(
          "div",
          { class: "ticks" },
          popular.map((i) => tick(i, false)),
        ),
      ),
      data.roots
        .filter((root) => data.ingredients.total[root] > 0)
        .sort((a, b) => data.ingredients.total[b] - data.ingredients.total[a])
        .map((root) =>
          h(
            "details",
            {},
            h("summary", {}, named(data.ingredient(root))),
            h(
              "div",
              { class: "ticks" },
              below(root)
                .filter((i) => data.ingredients.total[i] > 0)
                .map((i) => tick(i, false)),
            ),
          ),
        ),
    );
  }

  function fillOutcome(): void {
    if (!mine.size) {
      replace(
        outcome,
        h(
          "p",
          { class: "lead" },
          "Tick what stands on your shelf. Everything stays in this browser.",
        ),
      );
      return;
    }
    const { makeable, oneAway } = mine.survey();
    const best = oneAway[0];
    const item = (recipe: number) => () =>
      h("div", { class: "result" }, drinkLink(context, recipe), summary(context, recipe));
    replace(
      outcome,
      best &&
        h(
          "section",
          { class: "best" },
          h("h2", {}, "Best next bottle"),
          h(
            "p",
            {},
            h(
              "a",
              { href: to.ingredients(data.ingredients.id[best.ingredient]) },
              named(data.ingredient(best.ingredient), "strong"),
            ),
            ` opens ${plural(best.recipes.length, "more drink")}.`,
          ),
        ),
      h(
        "section",
        { id: "makeable" },
        h("h2", {}, "Makeable now ", h("span", { class: "count" }, makeable.length)),
        makeable.length
          ? longList(makeable.map(item), 12)
          : h(
              "p",
              { class: "note" },
              "Nothing yet; a spirit, a citrus and a sweetener go a long way.",
            ),
      ),
      h(
        "section",
        { id: "one-away" },
        h(
          "h2",
          {},
          "One bottle away ",
          h(
            "span",
            { class: "count" },
            oneAway.reduce((n, b) => n + b.recipes.length, 0),
          ),
        ),
        oneAway
          .slice(0, 12)
          .map((bottle) =>
            h(
              "details",
              {},
              h(
                "summary",
                {},
                named(data.ingredient(bottle.ingredient)),
                " ",
                h("span", { class: "count" }, plural(bottle.recipes.length, "drink")),
              ),
              longList(bottle.recipes.map(item), 12),
            ),
          ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          onclick: () => {
            mine.clear();
            fillShelf();
            fillOutcome();
          },
        },
        "Empty my bar",
      ),
    );
  }

  fillShelf();
  fillOutcome();
  return h(
    "div",
    { class: "view" },
    h("h1", { tabindex: -1 }, "My ", h("em", {}, "bar")),
    h(
      "p",
      { class: "note" },
      `${provenance(context)}. A bottle counts for its siblings where substitution is allowed.`,
    ),
    h(
      "div",
      { class: "split" },
      h("section", { "aria-label": "What I own" }, filter, shelf),
      outcome,
    ),
  );
}
