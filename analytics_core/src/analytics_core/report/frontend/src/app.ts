// Puts the parts together: data, map, panel, router.

import { written } from "./amounts";
import { Bar } from "./bar";
import type { Context } from "./context";
import { controls } from "./controls";
import { Data, type MapKind } from "./data";
import { h, replace, shorten } from "./dom";
import { finder } from "./finder";
import { MapView } from "./map/view";
import { mark, readiness } from "./parts";
import { go, parse, to, type Route } from "./route";
import { scheme, SCHEME_NAMES, type SchemeKind } from "./schemes";
import { shell } from "./shell";
import { recall, remember } from "./store";
import { onTheme } from "./theme";
import { about } from "./views/about";
import { bar as barView } from "./views/bar";
import { compare } from "./views/compare";
import { drink } from "./views/drink";
import { home } from "./views/home";
import { ingredients } from "./views/ingredients";
import { results } from "./views/search";
import { table } from "./views/table";

function start(): void {
  const data = new Data();
  const bar = new Bar(data);
  const choices = {
    kind: recall<MapKind>("map", "learned", (value) => value === "learned" || value === "plain"),
    scheme: recall<SchemeKind>("scheme", "base", (value) => String(value) in SCHEME_NAMES),
  };
  let current = scheme(choices.scheme, data, bar);
  let route: Route = parse(location.hash);
  const context: Context = {
    data,
    bar,
    scheme: () => current,
    point: (recipe) => map.setHovered(recipe),
    announce: (text) => {
      frame.live.textContent = shorten(text, 300);
    },
  };
  const frame = shell(finder(context, (found) => map.setHighlight(found ?? routeHighlight())));
  const map = new MapView(frame.canvas, data, current, choices.kind, {
    onHover: hover,
    onPick: (recipe) => go(to.drink(data.recipes.id[recipe])),
    onAnnounce: (recipe) => {
      const names = data.lines(recipe).map((line) => data.ingredient(line.ingredient));
      context.announce(`${data.name(recipe)}: ${names.join(", ")}`);
    },
  });
  const over = controls(choices, {
    kind: (kind) => {
      choices.kind = kind;
      remember("map", kind);
      map.setKind(kind);
    },
    scheme: (kind) => {
      choices.scheme = kind;
      remember("scheme", kind);
      recolor();
      map.setHighlight(routeHighlight());
      show(false);
    },
    zoom: (factor) => map.zoomBy(factor),
    all: () => map.show(null),
    pick: (category) => {
      const members =
        category === null ? null : [...current.of.keys()].filter((i) => current.of[i] === category);
      map.setHighlight(members ?? routeHighlight());
    },
  });
  frame.controls.append(over.element);
  over.setScheme(current);

  function recolor(): void {
    current = scheme(choices.scheme, data, bar);
    map.setScheme(current);
    over.setScheme(current);
  }

  function routeHighlight(): number[] | null {
    return route.view === "search" ? data.search(route.query) : null;
  }

  function hover(recipe: number | null, x: number, y: number): void {
    frame.card.hidden = recipe === null;
    if (recipe === null) return;
    replace(
      frame.card,
      h(
        "p",
        { class: "title" },
        mark(context, recipe),
        h("strong", { dir: "auto" }, shorten(data.name(recipe), 80)),
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

  /** Show what the hash names. */
  function show(moved: boolean): void {
    route = parse(location.hash);
    hover(null, 0, 0);
    let title = "Cocktail Atlas";
    let body: HTMLElement;
    const onMap = route.view === "map" || route.view === "drink" || route.view === "search";
    let chosen: number | undefined;
    switch (route.view) {
      case "drink":
        chosen = data.recipeAt(route.id);
        if (chosen === undefined) {
          body = h(
            "div",
            { class: "intro" },
            h("h1", { tabindex: -1 }, "Not on this map"),
            h(
              "p",
              {},
              "This run has no such drink. ",
              h("a", { href: to.map() }, "Back to the map"),
            ),
          );
        } else {
          body = drink(context, chosen);
          title = `${shorten(data.name(chosen), 80)} · ${title}`;
        }
        break;
      case "search":
        body = results(context, route.query, data.search(route.query));
        title = `${shorten(route.query, 80)} · ${title}`;
        break;
      case "bar":
        body = barView(context);
        title = `My bar · ${title}`;
        break;
      case "ingredients":
        body = ingredients(context, route.id);
        title = `Ingredients · ${title}`;
        break;
      case "compare":
        body = compare(context, route.a, route.b);
        title = `Compare · ${title}`;
        break;
      case "table":
        body = table(context, route.query, route.page);
        title = `Table · ${title}`;
        break;
      case "about":
        body = about(context);
        title = `About · ${title}`;
        break;
      default:
        body = home(context);
    }
    document.title = title;
    document.documentElement.dataset.view = route.view;
    frame.mark(route.view);
    const target = onMap ? frame.panel : frame.page;
    frame.stage.hidden = frame.panel.hidden = !onMap;
    frame.page.hidden = onMap;
    const scroll = moved ? 0 : target.scrollTop;
    replace(target, body);
    target.scrollTop = scroll;
    if (!onMap) return;
    const near = chosen === undefined ? [] : data.neighbors(chosen);
    map.setSelected(chosen ?? null, near);
    if (!moved) return;
    const found = routeHighlight();
    map.setHighlight(found);
    if (chosen !== undefined) map.show([chosen, ...near.map((n) => n.recipe)]);
    else if (found?.length) map.show(found);
  }

  bar.onChange(() => {
    if (choices.scheme === "bar") recolor();
    const active = document.activeElement as HTMLElement | null;
    const own = active?.dataset.own;
    if (route.view !== "bar") show(false);
    if (own) document.querySelector<HTMLElement>(`[data-own="${own}"]`)?.focus();
  });
  onTheme(() => {
    map.setTheme();
    recolor();
    show(false);
  });
  window.addEventListener("hashchange", () => {
    show(true);
    const heading = document.querySelector<HTMLElement>(
      "#panel:not([hidden]) h1, #page:not([hidden]) h1",
    );
    // readers who go by keyboard or ear are taken along; the map keeps its focus
    if (document.activeElement !== frame.canvas) heading?.focus({ preventScroll: true });
    if (heading) context.announce(heading.textContent ?? "");
  });
  document.addEventListener("keydown", (event) => {
    // a tick or a button takes no text, so there the key keeps its meaning
    const typing =
      event.target instanceof Element &&
      event.target.matches("select, input:not([type=checkbox], [type=radio])");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      document.getElementById("search")?.focus();
    }
  });
  show(true);
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
