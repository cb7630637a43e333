// Puts the parts together: data, map, panel, router.

import { written } from "./amounts";
import { Bar } from "./bar";
import type { Context } from "./context";
import { controls, type Controls } from "./controls";
import { Data, type MapKind } from "./data";
import { h, named, onKey, plural, replace, shorten } from "./dom";
import { finder } from "./finder";
import { MapView } from "./map/view";
import { mark, opened, readiness } from "./parts";
import { go, isOnMap, parse, to, type Route } from "./route";
import { scheme, SCHEME_NAMES, type SchemeKind } from "./schemes";
import { shell } from "./shell";
import { brand, embedded, recipeUrl, site } from "./site";
import { recall, remember } from "./store";
import { onTheme } from "./theme";
import { about } from "./views/about";
import { bar as barView } from "./views/bar";
import { compare } from "./views/compare";
import { desk } from "./views/desk";
import { drink } from "./views/drink";
import { gathering } from "./views/gathering";
import { home } from "./views/home";
import { ingredients } from "./views/ingredients";
import { menu } from "./views/menu";
import { path, wayBetween } from "./views/path";
import { results } from "./views/search";
import { table } from "./views/table";
import { Visits } from "./visits";

/** Before there are any. */
const NO_CONTROLS = { left: 24, top: 56, right: 24, bottom: 34, low: 34, covered: [] };

function start(): void {
  const data = new Data();
  const bar = new Bar(data);
  const visits = new Visits();
  const owner = site();
  const pageTitle = owner.title ?? "Cocktail Atlas";
  const kinds = (Object.keys(SCHEME_NAMES) as SchemeKind[]).filter(
    (kind) =>
      (kind !== "strength" && kind !== "served") ||
      (data.recipes.abv && (kind === "strength" || data.recipes.dilution)),
  );
  const choices = {
    kinds,
    kind: recall<MapKind>("map", "learned", (value) => value === "learned" || value === "plain"),
    scheme: recall<SchemeKind>("scheme", "base", (value) => kinds.includes(value as SchemeKind)),
  };
  let current = scheme(choices.scheme, data, bar);
  let route: Route = parse(location.hash);
  const context: Context = {
    data,
    bar,
    scheme: () => current,
    title: pageTitle,
    recipeUrl: (recipe) => recipeUrl(owner, data.recipes.id[recipe], data.recipes.name[recipe]),
    point: (recipe) => map.setHovered(recipe),
    get kept() {
      return visits.current.kept;
    },
    refresh: () => show(""),
    announce: (text) => {
      frame.live.textContent = shorten(text, 300);
    },
  };
  brand(owner);
  if (embedded()) document.documentElement.dataset.embed = "";
  let over: Controls | null = null;
  const frame = shell(finder(context, (found) => map.setHighlight(found ?? routeHighlight())));
  const map = new MapView(frame.canvas, data, current, choices.kind, {
    onHover: hover,
    onPick: (recipe) => go(to.drink(data.recipes.id[recipe])),
    insets: (width) => over?.insets(width) ?? NO_CONTROLS,
    onLasso: (recipes) => recipes.length && go(to.set(recipes.map((r) => data.recipes.id[r]))),
    onRing: (drinks) =>
      context.announce(
        drinks === null ? "Circling ended" : `The ring holds ${plural(drinks, "drink")}`,
      ),
    onAnnounce: (recipe) => {
      const names = data.lines(recipe).map((line) => data.ingredient(line.ingredient));
      context.announce(`${data.name(recipe)}: ${names.join(", ")}`);
    },
  });
  over = controls(choices, {
    kind: (kind) => {
      choices.kind = kind;
      remember("map", kind);
      map.setKind(kind);
    },
    scheme: (kind) => {
      choices.scheme = kind;
      remember("scheme", kind);
      recolor();
      show("");
    },
    zoom: (factor) => map.zoomBy(factor),
    all: () => map.show(null),
    refit: () => map.refit(),
    lasso: (byKeyboard) => map.setLasso(byKeyboard),
    pick: (category) => {
      const members =
        category === null ? null : [...current.of.keys()].filter((i) => current.of[i] === category);
      map.setHighlight(members ?? routeHighlight());
    },
  });
  const overlay = over;
  frame.controls.append(overlay.element);
  overlay.setScheme(current);

  function recolor(): void {
    current = scheme(choices.scheme, data, bar);
    map.setScheme(current);
    overlay.setScheme(current);
    map.setHighlight(routeHighlight()); // what was chosen in the legend is not any more
  }

  function routeHighlight(): number[] | null {
    switch (route.view) {
      case "search":
        return data.search(route.query);
      case "region": {
        const { family } = route;
        return data.recipes.id.map((_, i) => i).filter((i) => data.recipes.family[i] === family);
      }
      case "set":
        return route.ids.flatMap((id) => data.recipeAt(id) ?? []);
      default:
        return null;
    }
  }

  function hover(recipe: number | null, x: number, y: number): void {
    frame.card.hidden = recipe === null;
    if (recipe === null) return;
    const others = data.bundle(recipe).filter((other) => other !== recipe);
    replace(
      frame.card,
      h(
        "p",
        { class: "title" },
        mark(context, recipe),
        h("strong", { dir: "auto" }, shorten(data.name(recipe), 80)),
      ),
      others.length > 0 &&
        h(
          "p",
          { class: "note" },
          "here too: ",
          others.slice(0, 4).map((other, i) => [i > 0 && ", ", named(data.name(other))]),
          others.length > 4 && ` and ${others.length - 4} more`,
        ),
      h(
        "dl",
        { class: "lines" },
        data
          .lines(recipe)
          .slice(0, 9)
          .map((line) => [
            h("dt", {}, written(line)),
            h("dd", { dir: "auto" }, shorten(data.ingredient(line.ingredient), 40)),
          ]),
      ),
      readiness(context, recipe),
    );
    const { clientWidth: width, clientHeight: height } = frame.stage;
    const box = frame.card.getBoundingClientRect();
    const left = x + 18 + box.width > width ? Math.max(4, x - 18 - box.width) : x + 18;
    const top = Math.max(4, Math.min(y - 12, height - box.height - 8));
    frame.card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  /** The view that the hash names, and what the window is called meanwhile. */
  function view(): { body: HTMLElement; title: string } {
    const at = (id: number | null) => (id === null ? undefined : data.recipeAt(id));
    const named = (recipe: number) => shorten(data.name(recipe), 80);
    switch (route.view) {
      case "drink": {
        const chosen = data.recipeAt(route.id);
        if (chosen !== undefined) return { body: drink(context, chosen), title: named(chosen) };
        const body = h(
          "div",
          { class: "intro" },
          h("h1", { tabindex: -1 }, "Not on this map"),
          h(
            "p",
            {},
            `This run has no such drink: none has the id ${route.id}. `,
            h("a", { href: to.map() }, "Back to the map"),
          ),
        );
        return { body, title: "Not on this map" };
      }
      case "search": {
        const { query } = route;
        return { body: results(context, query, data.search(query)), title: shorten(query, 80) };
      }
      case "region": {
        const name = data.familyName(route.family);
        return { body: gathering(context, name, name, routeHighlight() ?? []), title: name };
      }
      case "set":
        return {
          body: gathering(context, "What you circled", "circled drinks", routeHighlight() ?? []),
          title: "Circled drinks",
        };
      case "path": {
        const [a, b] = [at(route.a), at(route.b)];
        const ends = [a, b].flatMap((end) => (end === undefined ? [] : named(end)));
        const unknown = [route.a, route.b].filter((id) => id !== null && at(id) === undefined);
        return {
          body: path(context, a, b, route.mine, unknown),
          title: ["A way", ...ends].join(" · "),
        };
      }
      case "bar":
        return { body: barView(context), title: "My bar" };
      case "menu":
        return { body: menu(context), title: "Menu" };
      case "ingredients": {
        const chosen = route.id === null ? undefined : data.ingredientAt(route.id);
        const title = chosen === undefined ? "Ingredients" : shorten(data.ingredient(chosen), 80);
        return { body: ingredients(context, route.id), title };
      }
      case "compare": {
        const ends = [at(route.a), at(route.b)].flatMap((end) =>
          end === undefined ? [] : named(end),
        );
        return {
          body: compare(context, route.a, route.b),
          title: ends.length === 2 ? `${ends.join(" and ")} compared` : "Compare",
        };
      }
      case "table":
        return { body: table(context, route.query, route.page), title: "Table" };
      case "desk":
        return { body: desk(context), title: "Owner's desk" };
      case "about":
        return { body: about(context), title: "About" };
      default:
        return { body: home(context), title: "" };
    }
  }

  /** Show what the hash names; `moved` where the reader came from elsewhere, or went back. */
  function show(moved: "" | "there" | "back"): void {
    route = parse(location.hash);
    hover(null, 0, 0);
    opened.kept = visits.current.kept;
    const { body, title } = view();
    document.title = title ? `${title} · ${pageTitle}` : pageTitle;
    document.documentElement.dataset.view = route.view;
    frame.mark(route.view);
    const onMap = isOnMap(route.view);
    const target = onMap ? frame.panel : frame.page;
    frame.stage.hidden = frame.panel.hidden = !onMap;
    frame.page.hidden = onMap;
    const scroll = moved ? visits.current.scroll : target.scrollTop;
    replace(target, body);
    target.scrollTop = scroll;
    if (!onMap) return;
    const chosen = route.view === "drink" ? data.recipeAt(route.id) : undefined;
    const near = chosen === undefined ? [] : data.neighbors(chosen);
    map.setSelected(chosen ?? null, near);
    const [a, b] =
      route.view === "path" ? [route.a, route.b].map((id) => data.recipeAt(id ?? NaN)) : [];
    const way =
      route.view === "path" && a !== undefined && b !== undefined
        ? wayBetween(context, a, b, route.mine)
        : [];
    if (way.length) map.setPath(way);
    if (!moved) return;
    const found = routeHighlight();
    overlay.setScheme(current); // a filter of the legend ends with the view it was set in
    map.setHighlight(found);
    if (visits.current.look) map.lookAt(visits.current.look);
    else if (chosen !== undefined) map.show([chosen, ...near.map((n) => n.recipe)]);
    else map.show(way.length ? way : found);
  }

  /** Note what the reader leaves behind. */
  function leave(): void {
    visits.current.scroll = (isOnMap(route.view) ? frame.panel : frame.page).scrollTop;
    visits.current.look = isOnMap(route.view) ? map.look : null;
  }

  bar.onChange((elsewhere) => {
    if (choices.scheme === "bar") recolor();
    // the bar's own view follows its ticks by itself
    if (route.view !== "bar" || elsewhere) show("");
  });
  onTheme(() => {
    map.setTheme();
    recolor();
    show("");
  });
  window.addEventListener("hashchange", () => {
    leave();
    const { back } = visits.arrive();
    show(back ? "back" : "there");
    const heading = document.querySelector<HTMLElement>(
      "#panel:not([hidden]) h1, #page:not([hidden]) h1",
    );
    // readers who go by keyboard or ear are taken along; the map keeps its focus
    if (document.activeElement !== frame.canvas) heading?.focus({ preventScroll: true });
    if (heading) context.announce(heading.textContent ?? "");
  });
  const press = (event: KeyboardEvent) => {
    // a tick or a button takes no text, so there the key keeps its meaning
    const typing =
      event.target instanceof Element &&
      event.target.matches("select, input:not([type=checkbox], [type=radio])");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      document.getElementById("search")?.focus();
    }
  };
  document.addEventListener("keydown", onKey(press));
  show("there");
  document.documentElement.dataset.state = "ready";
  Object.defineProperty(window, "atlas", { value: { map, data, bar } });
}

function failed(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  document.documentElement.dataset.state = "failed";
  replace(
    document.getElementById("main")!,
    h("p", { id: "loading", role: "alert" }, `The page could not start: ${message}`),
  );
}

try {
  start();
} catch (error) {
  failed(error);
  throw error;
}
