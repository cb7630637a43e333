// What the reader owns, what can be made from it, and what to buy next.

import type { Best } from "../bottles";
import type { Context } from "../context";
import type { Cell } from "../csv";
import { fold } from "../fold";
import { h, named, plural, replace, type Child } from "../dom";
import { closeness } from "../nearness";
import {
  calledIn,
  csvButton,
  drinkLink,
  drinksCsv,
  entry,
  evidence,
  listHead,
  longList,
  provenance,
} from "../parts";
import { to } from "../route";
import { isBottle, KIND, sold, usesOf } from "../shelf";

const STAPLES = 16;
const MOST_FOUND = 60;
const GROUPS: [string, string, (kind: number) => boolean][] = [
  ["Bottles", "", (kind) => kind <= KIND.untold],
  ["Pantry", "Citrus, sugar, eggs, soda and the like", (kind) => kind === KIND.pantry],
  [
    "Made at home",
    "Tick what is ready; syrup counts as makeable once there is sugar",
    (kind) => kind === KIND.homemade,
  ],
];

export function bar(context: Context): HTMLElement {
  const { data, bar: mine, kept } = context;
  const { ingredients, stock } = data;
  const used = usesOf(stock);
  const tally = h("nav", { class: "tally", "aria-label": "What can be made" });
  const outcome = h("div", { class: "outcome" });
  const shelf = h("div", { class: "shelf" });
  let counts: (() => void)[] = [];
  const filter = h("input", {
    class: "field",
    type: "search",
    placeholder: "Filter ingredients",
    "aria-label": "Filter ingredients",
    value: String(kept.filter ?? ""),
    oninput: () => {
      kept.filter = filter.value;
      fillShelf();
    },
  });
  let unlocks = mine.shelf.unlocks();

  const depth = (ingredient: number) => data.lineage(ingredient).length;

  function own(ingredient: number, owned: boolean): void {
    mine.set(ingredient, owned);
    unlocks = mine.shelf.unlocks();
    for (const update of counts) update();
    fillOutcome();
  }

  /** A tick, and what it would open; a general kind offers its own kinds once ticked. */
  function tick(ingredient: number, level = 0): HTMLElement {
    const count = h("span", { class: "count" });
    const kinds = h("p", { class: "row wrap kinds" });
    const box = h("input", {
      type: "checkbox",
      "data-own": ingredients.id[ingredient],
      onchange: () => own(ingredient, box.checked),
    });
    const below = data.children[ingredient].filter((i) => !stock.substitution[i] && used[i]);
    const update = () => {
      box.checked = mine.owns(ingredient);
      const opens = unlocks[ingredient];
      const has = mine.has(ingredient);
      count.textContent = has ? "" : opens ? `+${opens}` : `in ${used[ingredient]}`;
      count.title = opens
        ? `Opens ${plural(opens, "drink")}`
        : `In ${plural(used[ingredient], "drink")}`;
      const offered = box.checked ? below.filter((i) => !mine.has(i)) : [];
      kinds.hidden = !offered.length;
      if (offered.length) {
        replace(
          kinds,
          h("span", { class: "note" }, "Which? "),
          offered.map((kind) =>
            h(
              "button",
              {
                type: "button",
                class: "quiet small",
                onclick: () => {
                  own(kind, true);
                  box.focus(); // the button is gone
                },
              },
              named(data.ingredient(kind)),
              h("span", { class: "count" }, unlocks[kind] ? `+${unlocks[kind]}` : ""),
            ),
          ),
        );
      }
    };
    counts.push(update);
    update();
    return h(
      "div",
      { class: `level-${Math.min(3, level)}` },
      h("label", { class: "own" }, box, named(data.ingredient(ingredient)), count),
      kinds,
    );
  }

  function fillShelf(): void {
    counts = [];
    const query = filter.value.trim();
    if (query) {
      const whole = fold(query);
      const found = data.searchIngredients(query, MOST_FOUND);
      // what is named so, then what serves most
      const exact = (i: number) => Number(fold(data.ingredient(i)) === whole);
      found.sort((a, b) => exact(b) - exact(a) || Number(used[b] > 0) - Number(used[a] > 0));
      replace(
        shelf,
        found.map((i) => tick(i)),
        !found.length && h("p", { class: "note" }, "No such ingredient"),
      );
      return;
    }
    const group = (key: string, title: Child, items: HTMLElement[], opened = false) =>
      items.length > 0 &&
      h(
        "details",
        {
          open: (kept[key] as boolean | undefined) ?? opened,
          ontoggle: (event) => (kept[key] = (event.target as HTMLDetailsElement).open),
        },
        h("summary", {}, title),
        h("div", { class: "ticks" }, items),
      );
    const staples = [
      ...sold(stock),
      ...all((kind) => kind === KIND.pantry).filter((i) => ingredients.own[i]),
    ]
      .filter((i) => !mine.owns(i))
      .sort((a, b) => used[b] - used[a])
      .slice(0, STAPLES);
    replace(
      shelf,
      group(
        "mine",
        `On my shelf (${mine.size})`,
        [...mine.shelf.owned].map((i) => tick(i)),
        true,
      ),
      mine.lost.length > 0 &&
        h(
          "p",
          { class: "note" },
          "Kept, but not in this database: ",
          mine.lost.map(([, name], i) => [i > 0 && ", ", named(name)]),
        ),
      group(
        "staples",
        "Most used",
        staples.map((i) => tick(i)),
        true,
      ),
      GROUPS.map(([title, note, belongs]) => {
        const members = all(belongs);
        const tops = members.filter((i) => !members.includes(ingredients.parent[i]));
        const below = (i: number): number[] => [
          i,
          ...data.children[i].filter((c) => belongs(stock.kind[c])).flatMap(below),
        ];
        tops.sort((a, b) => used[b] - used[a] || ingredients.total[b] - ingredients.total[a]);
        return (
          members.length > 0 && [
            h("h2", {}, title),
            note && h("p", { class: "note" }, note),
            tops.map((top) =>
              group(
                `${title}.${top}`,
                named(data.ingredient(top)),
                below(top).map((i) => tick(i, depth(i) - depth(top))),
              ),
            ),
          ]
        );
      }),
      mine.size + mine.lost.length > 0 &&
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            onclick: () => {
              mine.clear();
              unlocks = mine.shelf.unlocks();
              fillShelf();
              fillOutcome();
            },
          },
          "Empty my bar",
        ),
    );
  }

  function all(belongs: (kind: number) => boolean): number[] {
    return ingredients.name
      .map((_, i) => i)
      .filter((i) => belongs(stock.kind[i]) && (used[i] || ingredients.total[i]));
  }

  function fillOutcome(): void {
    const { ready, "stand-in": substituted, "one away": oneAway } = mine.survey();
    const jump = (id: string, label: string, count: number) =>
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            const section = document.getElementById(id);
            section?.scrollIntoView({ block: "start" });
            section?.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
          },
        },
        h("strong", {}, count.toLocaleString("en")),
        ` ${label}`,
      );
    replace(
      tally,
      jump("makeable", "now", ready.length),
      jump("stand-ins", "with a stand-in", substituted.length),
      jump("one-away", "one away", oneAway.length),
    );
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
    const best = h(
      "div",
      { "aria-live": "polite", "aria-busy": "true" },
      listHead("What to buy next", null),
      h("p", { class: "note" }, "…"),
    );
    void suggest(best);
    const heading = (text: string, recipes: number[]) =>
      listHead(
        [text, " ", h("span", { class: "count" }, recipes.length)],
        recipes.length > 0 && drinksCsv(context, text.toLowerCase(), () => recipes),
      );
    replace(
      outcome,
      !mine.isKept &&
        h(
          "p",
          { class: "note" },
          "This browser stores nothing here: your bar lasts until you close the page.",
        ),
      h("section", { class: "best", id: "next" }, best, pantry()),
      h(
        "section",
        { id: "makeable" },
        heading("Makeable now", ready),
        ready.length
          ? [
              h(
                "p",
                { class: "row" },
                h("a", { class: "chip", href: to.menu() }, "Print as a menu"),
              ),
              longList(
                ready.map((recipe) => () => entry(context, recipe, madeAtHome(context, recipe))),
                12,
              ),
            ]
          : h(
              "p",
              { class: "note" },
              "Nothing yet; a spirit, a citrus and a sweetener go a long way.",
            ),
      ),
      h(
        "section",
        { id: "stand-ins" },
        heading("With a stand-in", substituted),
        tolerance(),
        !substituted.length &&
          h(
            "p",
            { class: "note" },
            "Nothing that is missing has a stand-in so close on your shelf.",
          ),
        longList(
          substituted.map((recipe) => () => entry(context, recipe, standIn(context, recipe))),
          12,
        ),
      ),
      h("section", { id: "one-away" }, heading("One thing away", oneAway), away(oneAway)),
    );
  }

  function tolerance(): HTMLElement {
    const said = h("output", {}, closeness(mine.tolerance));
    return h(
      "label",
      { class: "slider" },
      "How far a stand-in may go: ",
      said,
      h("input", {
        type: "range",
        min: 0,
        max: 60,
        step: 5,
        value: Math.round(mine.tolerance * 100),
        "data-own": "tolerance",
        oninput: (event) =>
          (said.textContent = closeness(Number((event.target as HTMLInputElement).value) / 100)),
        onchange: (event) => {
          mine.setTolerance(Number((event.target as HTMLInputElement).value) / 100);
          fillOutcome();
        },
      }),
    );
  }

  function away(recipes: number[]): Child {
    const byLack = new Map<number, number[]>();
    for (const recipe of recipes) {
      const [lack] = mine.shelf.lacks(recipe);
      byLack.set(lack, [...(byLack.get(lack) ?? []), recipe]);
    }
    const list = (keep: (i: number) => boolean) =>
      [...byLack]
        .filter(([lack]) => keep(lack))
        .sort((a, b) => b[1].length - a[1].length || a[0] - b[0])
        .slice(0, 15)
        .map(([lack, drinks]) =>
          h(
            "details",
            {},
            h(
              "summary",
              {},
              data.children[lack].some((i) => used[i] && !stock.substitution[i]) && "any ",
              named(data.ingredient(lack)),
              " ",
              h("span", { class: "count" }, plural(drinks.length, "drink")),
            ),
            longList(
              drinks.map((recipe) => () => entry(context, recipe)),
              12,
            ),
          ),
        );
    const [bottles, others] = [list((i) => isBottle(stock, i)), list((i) => !isBottle(stock, i))];
    return [bottles, others.length > 0 && h("h3", {}, "Or from the grocer"), others];
  }

  function pantry(): HTMLElement {
    return h(
      "label",
      { class: "switch" },
      h("input", {
        type: "checkbox",
        checked: mine.pantry,
        "data-own": "pantry",
        onchange: (event) => {
          mine.setPantry((event.target as HTMLInputElement).checked);
          unlocks = mine.shelf.unlocks();
          for (const update of counts) update();
          fillOutcome();
        },
      }),
      " Count the pantry as there: citrus, sugar, eggs, soda",
    );
  }

  async function suggest(section: HTMLElement): Promise<void> {
    const sets = await mine.best(8);
    if (!section.isConnected) return;
    const names = (bottles: number[]) =>
      bottles.map((bottle, i) => [
        i > 0 && (i === bottles.length - 1 ? " and " : ", "),
        named(data.ingredient(bottle), "strong"),
      ]);
    /** Kinds that open no more than the more general one listed before them say nothing new. */
    const distinct = (list: Best[]) =>
      list
        .filter(
          ({ bottles: [bottle], drinks }, i) =>
            !list
              .slice(0, i)
              .some(
                (other) =>
                  other.drinks === drinks && data.lineage(bottle).includes(other.bottles[0]),
              ),
        )
        .slice(0, 3);
    const labels = ["One bottle", "Two bottles", "Three bottles"];
    const plain = (bottles: number[]) => bottles.map((i) => data.ingredient(i)).join(" + ");
    const rows = (): Cell[][] => [
      ["bottles", "drinks opened", "drinks"],
      ...sets.flat().map(({ bottles, drinks }) => [
        plain(bottles),
        drinks,
        mine
          .opened(bottles)
          .map((recipe) => data.name(recipe))
          .join("; "),
      ]),
    ];
    section.removeAttribute("aria-busy");
    replace(
      section,
      listHead("What to buy next", sets.flat().length > 0 && csvButton("bottles to buy", rows)),
      sets.every((list) => !list.length) &&
        h(
          "p",
          { class: "note" },
          "No three bottles open a drink yet. Tick more, or count the pantry as there.",
        ),
      h(
        "dl",
        { class: "sets" },
        sets.map(
          (list, size) =>
            list.length > 0 && [
              h("dt", {}, labels[size]),
              (size ? list.slice(0, 1) : distinct(list)).map((set) =>
                h(
                  "dd",
                  {},
                  h(
                    "details",
                    {
                      ontoggle: (event) => {
                        const box = event.target as HTMLDetailsElement;
                        if (box.childElementCount > 1) return;
                        box.append(
                          longList(
                            mine
                              .opened(set.bottles)
                              .map((recipe) => () => drinkLink(context, recipe)),
                            8,
                          ),
                        );
                      },
                    },
                    h(
                      "summary",
                      {},
                      names(set.bottles),
                      ` ${set.bottles.length > 1 ? "open" : "opens"} ${plural(set.drinks, "more drink")}`,
                    ),
                  ),
                ),
              ),
            ],
        ),
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
      `${provenance(context)}. A bottle counts as its kind: London dry gin is gin. Water and ice are there. Beside each: how many drinks it would open, or in how many it is.`,
    ),
    tally,
    h(
      "div",
      { class: "split" },
      h("section", { "aria-label": "What I own" }, filter, shelf),
      outcome,
    ),
  );
}

/** What has to be made first. */
function madeAtHome({ data, bar }: Context, recipe: number): Child {
  const made = data.stock.needs[recipe].filter((need) => bar.shelf.madeOf(need));
  return (
    made.length > 0 &&
    h(
      "span",
      { class: "note" },
      "make ",
      made.map((need, i) => [
        i > 0 && ", ",
        named(data.ingredient(need)),
        " from ",
        (bar.shelf.madeOf(need) ?? []).map((from, n) => [
          n > 0 && " and ",
          named(data.ingredient(from)),
        ]),
      ]),
    )
  );
}

function standIn(context: Context, recipe: number): Child {
  const { data, bar } = context;
  const standing = bar.standing(recipe);
  if (standing.band !== "stand-in") return null;
  const { by, lacks } = standing;
  return h(
    "span",
    { class: "note" },
    named(data.ingredient(by.ingredient)),
    " stands in for ",
    named(data.ingredient(calledIn(context, recipe, lacks[0]))),
    `: ${evidence(by)}`,
  );
}
