// What keys and buttons do: to the picked conversations, or to the open one, or to the one under the cursor.
import type { Id } from "../jmap/types";
import { go, route } from "../lib/route";
import * as actions from "./actions";
import { neighbour, rows } from "./list";
import { byRole, emails, inThread } from "./mail";
import { cursor, pickNone, selected } from "./selection";

export function threadAt(row: number): Id | undefined {
  const id = rows()[row];
  return id && emails[id]?.threadId;
}

export function targets(): Id[] {
  if (selected().size) return [...selected()];
  const open = route().thread ?? threadAt(cursor());
  return open ? [open] : [];
}

export function isUnread(thread: Id): boolean {
  return inThread(thread, false).some((email) => !email.keywords["$seen"]);
}
export function isStarred(thread: Id): boolean {
  return inThread(thread, false).some((email) => email.keywords["$flagged"]);
}

// In which of the places that change what can be done.
export function place(): string {
  const view = route().view;
  if (view.kind !== "label") return view.kind === "role" ? view.role : "search";
  return byRole("inbox")?.id === view.id ? "inbox" : "label";
}

// The conversations leave the view: what is open goes on to the next one, or back to the list.
function leaving(act: (threads: Id[]) => Promise<void>): () => void {
  return () => {
    const threads = targets();
    if (!threads.length) return;
    const open = route().thread;
    if (open && threads.includes(open)) {
      const next = neighbour(open, 1) ?? neighbour(open, -1);
      go({ thread: window.matchMedia("(min-width: 1000px)").matches ? next : null }, "replace");
    }
    pickNone();
    void act(threads);
  };
}

export const archive = leaving(actions.archive);
export const trash = leaving((threads) => (place() === "trash" || place() === "junk" ? actions.destroy(threads) : actions.trash(threads)));
export const junk = leaving((threads) => (place() === "junk" ? actions.notJunk(threads) : actions.junk(threads)));
export const toInbox = leaving(actions.toInbox);

export function star(): void {
  const threads = targets();
  if (threads.length) void actions.star(threads, !threads.every(isStarred));
}

export function read(yes: boolean): void {
  const threads = targets();
  if (!threads.length) return;
  if (!yes && route().thread && threads.includes(route().thread as Id)) go({ thread: null });
  pickNone();
  void actions.markRead(threads, yes);
}
