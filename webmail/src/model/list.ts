// The list of conversations of a view: as many rows as there are, of which pages are fetched when they come into sight.
import { createSignal } from "solid-js";
import { createStore } from "solid-js/store";
import { JmapError, ref } from "../jmap/client";
import { LISTED, type Email, type Filter, type Got, type Id, type Queried, type Thread } from "../jmap/types";
import { sameView, type View } from "../lib/route";
import { byRole, emails, hidden, inThread, jmap, learn } from "./mail";
import { readSearch } from "./search";

const PAGE = 50; // rows
const MOST_EMAILS = 900; // of the threads of one page: fewer than servers allow in one get

// Ids of one email for each conversation, by row; undefined where the page is not here yet.
const [rows, setRows] = createSignal<(Id | undefined)[]>([], { equals: false });
const [state, setState] = createSignal<"loading" | "ready" | "failed">("loading");
const [snippets, setSnippets] = createStore<Record<Id, { subject: string | null; preview: string | null }>>({});
export { rows, snippets, state };

let view: View = { kind: "role", role: "inbox" };
let generation = 0; // answers to what was asked before the last change of view are dropped
let asked = new Set<number>(); // pages under way or here
let sight = { from: 0, to: PAGE };

export function filterOf(of: View): Filter {
  const everywhere = { inMailboxOtherThan: hidden() };
  if (of.kind === "label") return { inMailbox: of.id };
  if (of.kind === "search") return readSearch(of.query).filter;
  if (of.role === "all") return everywhere;
  if (of.role === "starred") return { ...everywhere, hasKeyword: "$flagged" };
  const box = byRole(of.role as "inbox");
  return box ? { inMailbox: box.id } : { operator: "NOT", conditions: [{ minSize: 0 }] };
}

// Whether a conversation still belongs to the view, as far as is known here.
export function belongs(thread: Id): boolean {
  const members = inThread(thread, true);
  const away = hidden();
  const outside = (email: Email): boolean => !away.some((id) => email.mailboxIds[id]);
  if (view.kind === "search") return /\bin:/.test(view.query) || members.some(outside);
  if (view.kind === "label") return members.some((email) => email.mailboxIds[(view as { id: Id }).id]);
  if (view.role === "all") return members.some(outside);
  if (view.role === "starred") return members.some((email) => outside(email) && email.keywords["$flagged"]);
  const box = byRole(view.role as "inbox");
  return !!box && members.some((email) => email.mailboxIds[box.id]);
}

export function show(next: View): void {
  if (generation > 0 && sameView(view, next)) return;
  view = next;
  ++generation;
  asked = new Set();
  sight = { from: 0, to: PAGE };
  setRows([]);
  setState("loading");
  void load(0, generation);
}

// Rows `from` to `to` are looked at; the next ones will be soon.
export function look(from: number, to: number): void {
  sight = { from, to };
  for (let page = Math.floor(from / PAGE); page * PAGE < Math.min(to + PAGE / 2, rows().length); ++page)
    if (!asked.has(page)) void load(page, generation);
}

// Asks again for what is in sight, and forgets the rest.
export async function refresh(): Promise<void> {
  const now = generation;
  const first = Math.floor(sight.from / PAGE);
  const last = Math.max(first, Math.floor((Math.max(sight.to, 1) - 1) / PAGE));
  asked = new Set();
  const pages = [0, ...Array.from({ length: last - first + 1 }, (_, at) => first + at)];
  await Promise.all([...new Set(pages)].map((page) => load(page, now)));
  if (now !== generation) return;
  setRows((held) => held.map((id, at) => (asked.has(Math.floor(at / PAGE)) ? id : undefined)));
}

export function drop(gone: Set<Id>): void {
  setRows((held) => held.filter((id) => !id || !gone.has(emails[id]?.threadId ?? "")));
}

export function neighbour(thread: Id, step: 1 | -1): Id | null {
  const held = rows();
  const at = held.findIndex((id) => id && emails[id]?.threadId === thread);
  const next = at < 0 ? undefined : held[at + step];
  return (next && emails[next]?.threadId) || null;
}

async function load(page: number, now: number): Promise<void> {
  asked.add(page);
  try {
    const filter = filterOf(view);
    const query = { filter, sort: [{ property: "receivedAt", isAscending: false }], collapseThreads: true, position: page * PAGE, limit: PAGE };
    const [queried, heads, threads] = await jmap().calls<[Queried, Got<Email>, Got<Thread>]>(
      ["Email/query", { ...query, calculateTotal: true }],
      ["Email/get", { "#ids": ref(0, "Email/query", "/ids"), properties: LISTED }],
      ["Thread/get", { "#ids": ref(1, "Email/get", "/list/*/threadId") }],
    );
    if (now !== generation) return;
    learn(heads.list, threads.list);
    const rest = threads.list.flatMap((thread) => thread.emailIds).filter((id) => !queried.ids.includes(id));
    place(queried, page);
    if (rest.length) {
      const others = await jmap().call<Got<Email>>("Email/get", { ids: rest.slice(0, MOST_EMAILS), properties: LISTED });
      if (now === generation) learn(others.list, []);
    }
    if (view.kind === "search" && readSearch(view.query).words && queried.ids.length) void snip(filter, queried.ids, now);
  } catch (fault) {
    if (now !== generation) return;
    asked.delete(page);
    if (rows().length === 0) setState("failed");
    else if (fault instanceof JmapError) throw fault;
  }
}

function place(queried: Queried, page: number): void {
  const total = queried.total ?? queried.position + queried.ids.length;
  setRows((held) => {
    const next = held.slice(0, total);
    next.length = total;
    for (let at = page * PAGE; at < Math.min(total, (page + 1) * PAGE); ++at) next[at] = queried.ids[at - page * PAGE];
    return next;
  });
  setState("ready");
}

async function snip(filter: Filter, ids: Id[], now: number): Promise<void> {
  const got = await jmap().call<{ list: { emailId: Id; subject: string | null; preview: string | null }[] }>("SearchSnippet/get", {
    filter,
    emailIds: ids,
  });
  if (now === generation) for (const one of got.list) setSnippets(one.emailId, { subject: one.subject, preview: one.preview });
}
