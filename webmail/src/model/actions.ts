// What people do with conversations. Shown at once, sent then, taken back where the server refuses; each says how to undo it.
import { t } from "../i18n";
import { JmapError } from "../jmap/client";
import type { Email, Id, SetAnswer } from "../jmap/types";
import { belongs, drop, refresh } from "./list";
import { byRole, emails, inThread, isHidden, jmap, loadBoxes, setEmails } from "./mail";
import { complain, hush, say } from "./toast";

// Sets to put into an email, true to add and false to take away.
interface Patch {
  mailboxIds?: Record<Id, boolean>;
  keywords?: Record<string, boolean>;
}
type Changes = Map<Id, Patch>;

let underWay = 0;
export function isBusy(): boolean {
  return underWay > 0;
}

function put(changes: Changes): Changes {
  const back: Changes = new Map();
  for (const [id, patch] of changes) {
    const email = emails[id];
    if (!email) continue;
    const undo: Patch = {};
    for (const property of ["mailboxIds", "keywords"] as const)
      for (const [name, on] of Object.entries(patch[property] ?? {})) {
        if (!!email[property][name] === on) continue;
        (undo[property] ??= {})[name] = !on;
        setEmails(id, property, name, on ? true : (undefined as unknown as boolean));
      }
    if (undo.mailboxIds || undo.keywords) back.set(id, undo);
  }
  return back;
}

function asPatchObject(patch: Patch): Record<string, true | null> {
  const out: Record<string, true | null> = {};
  for (const property of ["mailboxIds", "keywords"] as const)
    for (const [name, on] of Object.entries(patch[property] ?? {})) out[`${property}/${name}`] = on ? true : null;
  return out;
}

const opposite = (changes: Changes): Changes => {
  const turned = (set: Record<string, boolean> | undefined): Record<string, boolean> =>
    Object.fromEntries(Object.entries(set ?? {}).map(([name, on]) => [name, !on]));
  return new Map([...changes].map(([id, patch]) => [id, { mailboxIds: turned(patch.mailboxIds), keywords: turned(patch.keywords) }]));
};

// What was truly changed, the other way round: nothing of it is lost where the server is told of it.
async function change(changes: Changes): Promise<Changes> {
  const back = put(changes);
  if (back.size === 0) return back;
  const threads = new Set([...back.keys()].map((id) => emails[id]?.threadId ?? ""));
  drop(new Set([...threads].filter((thread) => !belongs(thread))));
  ++underWay;
  try {
    const update = Object.fromEntries([...opposite(back)].map(([id, patch]) => [id, asPatchObject(patch)]));
    const answer = await jmap().call<SetAnswer>("Email/set", { update });
    const refused = Object.entries(answer.notUpdated ?? {}).filter(([, why]) => why.type !== "notFound");
    if (refused[0]) {
      put(new Map(refused.flatMap(([id]) => (back.has(id) ? [[id, back.get(id) as Patch] as const] : []))));
      throw new JmapError(refused[0][1].type, refused[0][1].description ?? "");
    }
    return back;
  } catch (fault) {
    if (!(fault instanceof JmapError)) put(back);
    throw fault;
  } finally {
    if (--underWay === 0) void Promise.all([refresh(), loadBoxes()]).catch(() => undefined);
  }
}

async function act(changes: Changes, said: string): Promise<void> {
  if (changes.size === 0) return;
  try {
    const doing = change(changes);
    let undone = false;
    const undo = async (): Promise<void> => {
      if (undone) return;
      undone = true;
      hush();
      try {
        await change(await doing);
        await refresh();
        say({ text: t().done.undone }, 2_000);
      } catch (fault) {
        complain(fault);
      }
    };
    say({ text: said, undo: () => void undo() });
    await doing;
  } catch (fault) {
    complain(fault);
  }
}

function each(threads: Id[], patch: (email: Email) => Patch | null, all = true): Changes {
  const out: Changes = new Map();
  for (const thread of threads)
    for (const email of inThread(thread, all)) {
      const one = patch(email);
      if (one) out.set(email.id, one);
    }
  return out;
}

const held = (email: Email): Id[] => Object.keys(email.mailboxIds).filter((id) => email.mailboxIds[id]);

function moveTo(email: Email, target: Id): Patch | null {
  if (email.mailboxIds[target]) return null;
  return { mailboxIds: { ...Object.fromEntries(held(email).map((id) => [id, false])), [target]: true } };
}

export function archive(threads: Id[]): Promise<void> {
  const inbox = byRole("inbox")?.id;
  const store = byRole("archive")?.id;
  if (!inbox || !store) return Promise.resolve();
  const patch = (email: Email): Patch | null => {
    if (!email.mailboxIds[inbox]) return null;
    return { mailboxIds: held(email).length > 1 ? { [inbox]: false } : { [inbox]: false, [store]: true } };
  };
  return act(each(threads, patch), t().done.archive(threads.length));
}

export function toInbox(threads: Id[]): Promise<void> {
  const inbox = byRole("inbox")?.id;
  if (!inbox) return Promise.resolve();
  const away = (["archive", "trash", "junk"] as const).flatMap((role) => byRole(role)?.id ?? []);
  const patch = (email: Email): Patch | null => {
    if (email.mailboxIds[inbox] || !away.some((id) => email.mailboxIds[id])) return null;
    return { mailboxIds: { ...Object.fromEntries(away.map((id) => [id, false])), [inbox]: true } };
  };
  return act(each(threads, patch), t().done.inbox(threads.length));
}

export function trash(threads: Id[]): Promise<void> {
  const target = byRole("trash")?.id;
  if (!target) return Promise.resolve();
  return act(each(threads, (email) => moveTo(email, target), false), t().done.trash(threads.length));
}

export function junk(threads: Id[]): Promise<void> {
  const target = byRole("junk")?.id;
  const patch = (email: Email): Patch | null => {
    const moved = target ? moveTo(email, target) : null;
    return moved && { ...moved, keywords: { $junk: true, $notjunk: false } };
  };
  return act(each(threads, patch, false), t().done.junk(threads.length));
}

export function notJunk(threads: Id[]): Promise<void> {
  const inbox = byRole("inbox")?.id;
  const from = byRole("junk")?.id;
  if (!inbox || !from) return Promise.resolve();
  const patch = (email: Email): Patch | null =>
    email.mailboxIds[from] ? { mailboxIds: { [from]: false, [inbox]: true }, keywords: { $junk: false, $notjunk: true } } : null;
  return act(each(threads, patch), t().done.inbox(threads.length));
}

export async function destroy(threads: Id[]): Promise<void> {
  const gone = threads.flatMap((thread) => inThread(thread, true).filter(isHidden).map((email) => email.id));
  drop(new Set(threads));
  try {
    await jmap().call<SetAnswer>("Email/set", { destroy: gone });
    say({ text: t().done.destroy(threads.length) });
  } catch (fault) {
    complain(fault);
  }
  await refresh();
}

export function markRead(threads: Id[], read: boolean, quiet = false): Promise<void> {
  const patch = (email: Email): Patch | null => (!!email.keywords["$seen"] === read ? null : { keywords: { $seen: read } });
  const changes = each(threads, patch);
  if (quiet) return change(changes).then(() => undefined, complain);
  return act(changes, read ? t().done.read : t().done.unread);
}

// A conversation is starred at its newest message, and unstarred at all.
export function star(threads: Id[], on: boolean): Promise<void> {
  const changes: Changes = new Map();
  for (const thread of threads) {
    const members = inThread(thread, false);
    for (const email of on ? members.slice(-1) : members) changes.set(email.id, { keywords: { $flagged: on } });
  }
  return change(changes).then(() => undefined, complain);
}

export function starOne(email: Email, on: boolean): Promise<void> {
  return change(new Map([[email.id, { keywords: { $flagged: on } }]])).then(() => undefined, complain);
}

export function label(threads: Id[], set: Map<Id, boolean>): Promise<void> {
  const store = byRole("archive")?.id;
  const patch = (email: Email): Patch => {
    const wanted = Object.fromEntries(set);
    const left = [...held(email).filter((id) => set.get(id) !== false), ...[...set].filter(([, on]) => on).map(([id]) => id)];
    return { mailboxIds: left.length || !store ? wanted : { ...wanted, [store]: true } };
  };
  return act(each(threads, patch, false), t().done.label);
}
