// Where the page is, as its path says:
//   /mail/inbox             a view: a mailbox by its role, starred, all
//   /mail/label/M12         a view: any mailbox
//   /mail/search?q=WORDS    a view: what is found
//   .../T34                 the same, with a conversation open
import { createSignal } from "solid-js";

export type View = { kind: "role"; role: string } | { kind: "label"; id: string } | { kind: "search"; query: string };
export interface Route {
  view: View;
  thread: string | null;
}

const ROLES = ["inbox", "starred", "important", "sent", "drafts", "archive", "all", "junk", "trash"];

export function parse(path: string, search: string): Route {
  const parts = path.split("/").filter(Boolean).slice(1).map(decodeURIComponent);
  const thread = (at: number): string | null => parts[at] ?? null;
  if (parts[0] === "search") return { view: { kind: "search", query: new URLSearchParams(search).get("q") ?? "" }, thread: thread(1) };
  if (parts[0] === "label" && parts[1]) return { view: { kind: "label", id: parts[1] }, thread: thread(2) };
  const role = parts[0] && ROLES.includes(parts[0]) ? parts[0] : "inbox";
  return { view: { kind: "role", role }, thread: thread(1) };
}

export function format(route: Route): string {
  const { view, thread } = route;
  const base = view.kind === "role" ? view.role : view.kind === "label" ? "label/" + encodeURIComponent(view.id) : "search";
  const query = view.kind === "search" ? "?q=" + encodeURIComponent(view.query) : "";
  return "/mail/" + base + (thread ? "/" + encodeURIComponent(thread) : "") + query;
}

export function sameView(one: View, other: View): boolean {
  return format({ view: one, thread: null }) === format({ view: other, thread: null });
}

const [route, setRoute] = createSignal<Route>(parse(location.pathname, location.search), {
  equals: (one, other) => format(one) === format(other),
});
export { route };

window.addEventListener("popstate", () => setRoute(parse(location.pathname, location.search)));

export function go(to: Partial<Route>, how: "push" | "replace" = "push"): void {
  const next: Route = { view: to.view ?? route().view, thread: to.thread ?? null };
  const url = format(next);
  if (url !== location.pathname + location.search) history[how === "push" ? "pushState" : "replaceState"](null, "", url);
  setRoute(next);
}

// For links that the page follows itself; the browser gets those with a modifier.
export function follow(event: MouseEvent, to: Partial<Route>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}
