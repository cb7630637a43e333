// The search field: a combobox over names and ingredients.

import type { Context } from "./context";
import { h, named, onKey, plural, replace } from "./dom";
import { mark } from "./parts";
import { go, to } from "./route";

const SHOWN = 7;

interface Option {
  href: string;
  element: HTMLElement;
}

/** `live` gets what is found while the reader types, or null when the field is empty. */
export function finder(context: Context, live: (found: number[] | null) => void): HTMLElement {
  const { data } = context;
  let options: Option[] = [];
  let active = -1;
  const list = h("ul", { id: "found", role: "listbox", "aria-label": "Found", hidden: true });
  const input = h("input", {
    id: "search",
    type: "search",
    role: "combobox",
    placeholder: "Find a drink or an ingredient",
    "aria-label": "Find a drink or an ingredient",
    "aria-expanded": "false",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
  });
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (href: string) => {
    close();
    live(null);
    input.value = "";
    input.blur();
    go(href);
  };
  const option = (href: string, content: (HTMLElement | SVGElement | string)[]) => {
    const element = h(
      "li",
      {
        role: "option",
        id: `found-${options.length}`,
        "aria-selected": "false",
        onpointerdown: (event) => event.preventDefault(),
        onclick: () => choose(href),
      },
      content,
    );
    options.push({ href, element });
  };
  const update = () => {
    const query = input.value.trim();
    options = [];
    active = -1;
    input.removeAttribute("aria-activedescendant");
    if (!query) {
      close();
      live(null);
      return;
    }
    const found = data.search(query);
    live(found);
    const exact = data.named(query);
    const ingredient = (index: number) =>
      option(to.ingredients(data.ingredients.id[index]), [
        named(data.ingredient(index)),
        h(
          "span",
          { class: "count" },
          `ingredient, ${plural(data.ingredients.total[index], "drink")}`,
        ),
      ]);
    // who types "gin" means gin, and neither a ginger beer nor one of the drinks with it
    const first = exact.recipe === undefined ? exact.ingredient : undefined;
    if (first !== undefined) ingredient(first);
    for (const recipe of found.slice(0, SHOWN)) {
      option(to.drink(data.recipes.id[recipe]), [mark(context, recipe), named(data.name(recipe))]);
    }
    for (const index of data.searchIngredients(query, 3)) if (index !== first) ingredient(index);
    if (found.length > SHOWN) {
      option(to.search(query), [`Show all ${plural(found.length, "drink")} on the map`]);
    }
    replace(
      list,
      options.map((o) => o.element),
      !options.length &&
        h(
          "li",
          { class: "note", role: "option", "aria-disabled": "true", "aria-selected": "false" },
          "Nothing found",
        ),
    );
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };
  const move = (by: number) => {
    if (!options.length) return;
    options[active]?.element.setAttribute("aria-selected", "false");
    active = (active + by + options.length + (active < 0 && by < 0 ? 1 : 0)) % options.length;
    const { element } = options[active];
    element.setAttribute("aria-selected", "true");
    element.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", element.id);
  };
  input.addEventListener("input", update);
  input.addEventListener("focus", () => {
    if (input.value) update();
    // the index takes a moment in a large collection: better now than at the first letter
    else setTimeout(() => data.search(""));
  });
  input.addEventListener("blur", close);
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Escape") {
      input.value = "";
      update();
    } else if (event.key === "Enter" && input.value.trim()) {
      const { recipe, ingredient } = data.named(input.value);
      const meant =
        recipe !== undefined
          ? to.drink(data.recipes.id[recipe])
          : ingredient !== undefined
            ? to.ingredients(data.ingredients.id[ingredient])
            : to.search(input.value.trim());
      choose(active >= 0 ? options[active].href : meant);
    } else return;
    event.preventDefault();
  };
  input.addEventListener("keydown", onKey(press));
  return h(
    "form",
    { id: "finder", role: "search", onsubmit: (event) => event.preventDefault() },
    input,
    list,
  );
}
