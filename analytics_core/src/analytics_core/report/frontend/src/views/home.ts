// The panel beside the map before a drink is chosen.

import type { Context } from "../context";
import { h, named, plural } from "../dom";
import { FEWEST_RECIPES } from "../map/regions";
import { age, csvButton, drinkLink, listHead } from "../parts";
import { to } from "../route";

/** Drinks to start from: well known ones if they are there, else what stands for its surroundings. */
function starters({ data }: Context): number[] {
  const famous = [
    "negroni",
    "daiquiri",
    "manhattan",
    "margarita",
    "martini",
    "old fashioned",
    "mojito",
  ];
  const byTitle = new Map<string, number>();
  for (let recipe = 0; recipe < data.count; recipe++) byTitle.set(data.title(recipe), recipe);
  const found = famous.flatMap((title) => byTitle.get(title) ?? []);
  if (found.length >= 4) return found.slice(0, 6);
  const hubs = Array.from({ length: data.count }, (_, i) => i);
  hubs.sort((a, b) => data.hubs[b] - data.hubs[a] || a - b);
  return hubs.slice(0, 6);
}

export function home(context: Context): HTMLElement {
  const { data, bar } = context;
  if (!data.count) {
    return h(
      "div",
      { class: "intro" },
      h("h1", {}, "An empty map"),
      h(
        "p",
        {},
        "The last run found no usable recipe. What it met on the way stands under ",
        h("a", { href: to.about() }, "About"),
        ".",
      ),
    );
  }
  const at = data.manifest.generated_at;
  return h(
    "div",
    { class: "intro" },
    h("h1", {}, "Where every drink has a ", h("em", {}, "place")),
    h(
      "p",
      { class: "lead" },
      `${plural(data.count, "recipe")}, laid out so that drinks which are made alike lie close together. `,
      "Choose one to see its nearest relatives, and what to swap to get there.",
    ),
    h(
      "p",
      { class: "row wrap", role: "group", "aria-label": "Drinks to start from" },
      starters(context).map((recipe) => {
        const link = drinkLink(context, recipe);
        link.classList.add("chip");
        return link;
      }),
    ),
    h(
      "p",
      { class: "row" },
      h(
        "a",
        { class: "button", href: to.bar() },
        bar.size ? `My bar · ${plural(bar.size, "thing")}` : "Tick what is in my bar",
      ),
    ),
    data.families.length > 1 &&
      data.count >= FEWEST_RECIPES && [
        listHead(
          "Regions",
          csvButton("regions", () => [
            ["region", "drinks"],
            ...data.families.map((_, family) => [data.familyName(family), data.familySize(family)]),
          ]),
        ),
        h(
          "ul",
          { class: "plain regions" },
          data.families.map((_, family) =>
            h(
              "li",
              { class: "row between" },
              h("a", { href: to.region(family) }, named(data.familyName(family))),
              h("span", { class: "count" }, data.familySize(family)),
            ),
          ),
        ),
      ],
    h(
      "p",
      { class: "note" },
      at && `Made ${age(at)}. `,
      h("a", { href: to.about() }, "How to read this"),
      " · ",
      h("a", { href: to.desk() }, "Owner's desk"),
    ),
  );
}
