// Tonight's menu: what can be made, as cards to print.

import { written } from "../amounts";
import type { Context } from "../context";
import { h, named, plural } from "../dom";
import { drinksCsv } from "../parts";
import { to } from "../route";

export function menu(context: Context): HTMLElement {
  const { data, bar } = context;
  const { ready } = bar.survey();
  return h(
    "div",
    { class: "view" },
    h("h1", { tabindex: -1 }, "Tonight's ", h("em", {}, "menu")),
    h(
      "p",
      { class: "row wrap unprinted" },
      h(
        "span",
        { class: "note" },
        ready.length
          ? `${plural(ready.length, "drink")} from your bar.`
          : "Nothing can be made from your bar yet.",
      ),
      ready.length > 0 && [
        h("button", { type: "button", class: "button", onclick: () => window.print() }, "Print"),
        drinksCsv(context, "tonight's menu", () => ready),
      ],
      h("a", { href: to.bar() }, "My bar"),
    ),
    h(
      "ul",
      { class: "cards" },
      ready.map((recipe) =>
        h(
          "li",
          {},
          h("h2", {}, named(data.name(recipe))),
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
      ),
    ),
  );
}
