// What is known of the account: mailboxes, the emails that lists show, threads, bodies. One copy each; whoever shows them is
// told of changes by Solid's stores.
import { createSignal } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { Jmap } from "../jmap/client";
import type { Body, Email, Got, Id, Mailbox, Role, Thread } from "../jmap/types";

let client: Jmap;
export function jmap(): Jmap {
  return client;
}

const [emails, setEmails] = createStore<Record<Id, Email>>({});
const [threads, setThreads] = createStore<Record<Id, Id[]>>({});
const [bodies, setBodies] = createStore<Record<Id, Body>>({});
const [boxes, setBoxes] = createSignal<Mailbox[]>([]);
export { bodies, boxes, emails, setBodies, setEmails, threads };

export function byRole(role: Role): Mailbox | undefined {
  return boxes().find((box) => box.role === role);
}

// "Work/Plans" of a mailbox within another.
export function fullName(box: Mailbox): string {
  const parent = boxes().find((one) => one.id === box.parentId);
  return parent ? fullName(parent) + "/" + box.name : box.name;
}

// Those that people made, in the order of their names.
export function labels(): Mailbox[] {
  return boxes()
    .filter((box) => !box.role)
    .sort((one, other) => fullName(one).localeCompare(fullName(other)));
}

// Where mail lies that other views leave out.
export function hidden(): Id[] {
  return boxes().flatMap((box) => (box.role === "trash" || box.role === "junk" ? [box.id] : []));
}

export function isHidden(email: Email): boolean {
  const away = hidden();
  return away.some((id) => email.mailboxIds[id]);
}

// The emails of a thread, oldest first; those in trash and junk only where `all`.
export function inThread(thread: Id, all: boolean): Email[] {
  const known = (threads[thread] ?? []).flatMap((id) => emails[id] ?? []);
  const seen = all ? known : known.filter((email) => !isHidden(email));
  return seen.length ? seen : known;
}

export function learn(list: Email[], found: Thread[]): void {
  for (const email of list) setEmails(email.id, reconcile(email));
  for (const thread of found) setThreads(thread.id, reconcile(thread.emailIds));
}

export async function loadBoxes(): Promise<void> {
  const got = await client.call<Got<Mailbox>>("Mailbox/get", { ids: null });
  setBoxes(got.list.sort((one, other) => one.sortOrder - other.sortOrder || one.name.localeCompare(other.name)));
}

export async function open(): Promise<void> {
  client = await Jmap.open();
  await loadBoxes();
}

export function myAddress(): string {
  return client.session.username;
}

export function isMe(address: string): boolean {
  return address.toLowerCase() === myAddress().toLowerCase();
}
