// Letters being written: saved as drafts while one types, sent after a moment in which that can be taken back.
import { createSignal } from "solid-js";
import { createStore } from "solid-js/store";
import { t } from "../i18n";
import { JmapError } from "../jmap/client";
import type { Address, Body, Email, Got, Id, Identity, SetAnswer } from "../jmap/types";
import { parse, split, written } from "../lib/addresses";
import { longDate, nameOf } from "../lib/format";
import { quotable } from "../lib/sanitise";
import { bodies, byRole, isMe, jmap } from "./mail";
import { prefetch } from "./thread";
import { complain, hush, say } from "./toast";

const PAUSE = 1_200; // ms without a key before a draft is saved
export const UNDO = 10; // s in which sending can be taken back

export interface File {
  key: string;
  name: string;
  type: string;
  size: number;
  blobId: Id | null; // null: on its way
  sent: number;
}

export interface Letter {
  to: string;
  cc: string;
  bcc: string;
  subject: string;
  html: string;
  files: File[];
  inReplyTo: string[] | null;
  references: string[] | null;
  answers: { id: Id; keyword: "$answered" | "$forwarded" } | null;
}

const EMPTY: Letter = { to: "", cc: "", bcc: "", subject: "", html: "", files: [], inReplyTo: null, references: null, answers: null };
const [letter, setLetter] = createStore<Letter>({ ...EMPTY });
const [open, setOpen] = createSignal(0); // counts the letters opened; 0: none is
const [saved, setSaved] = createSignal<"clean" | "saving" | "saved" | "unsaved">("clean");
export { letter, open, saved, setLetter };

let draft: Id | null = null; // as the server has it now
let identities: Identity[] = [];
let opened = 0;
let timer: number | undefined;
let saving: Promise<void> = Promise.resolve();
let sending = false;

// What was open before stays a draft; where that cannot be saved it stays open.
export async function begin(from: Partial<Letter>, existing: Id | null = null): Promise<void> {
  if (open() && !(await leave())) return;
  draft = existing;
  setLetter({ ...EMPTY, files: [], ...from });
  setSaved("clean");
  setOpen(++opened);
}

export function touched(): void {
  setSaved("unsaved");
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void save().catch(() => setSaved("unsaved")), PAUSE);
}

export function addresses(text: string): Address[] {
  return split(text).flatMap((one) => parse(one) ?? []);
}

export async function identity(): Promise<Identity> {
  if (!identities.length) identities = (await jmap().call<Got<Identity>>("Identity/get", { ids: null })).list;
  const found = identities.find((one) => isMe(one.email)) ?? identities[0];
  if (!found) throw new JmapError("identity", "");
  return found;
}

function plain(html: string): string {
  const page = new DOMParser().parseFromString(html, "text/html");
  const out: string[] = [];
  const walk = (node: Node, prefix: string): void => {
    for (const child of node.childNodes) {
      if (child instanceof Text) out.push(child.data.replace(/\s+/g, " "));
      else if (!(child instanceof Element)) continue;
      else if (child.tagName === "BR") out.push("\n" + prefix);
      else {
        const block = /^(?:P|DIV|LI|UL|OL|BLOCKQUOTE|PRE|H\d|TR|TABLE)$/.test(child.tagName);
        const deeper = child.tagName === "BLOCKQUOTE" ? prefix + "> " : prefix;
        if (block && out.length) out.push("\n" + deeper);
        if (child.tagName === "LI") out.push("- ");
        walk(child, deeper);
        if (block && child.tagName === "BLOCKQUOTE") out.push("\n" + prefix);
      }
    }
  };
  walk(page.body, "");
  return out.join("").replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim() + "\n";
}

// One after the other, so that each replaces the one before.
export function save(): Promise<void> {
  window.clearTimeout(timer);
  saving = saving.catch(() => undefined).then(write);
  return saving;
}

async function write(): Promise<void> {
  const drafts = byRole("drafts")?.id;
  if (!drafts || saved() === "clean" || (saved() === "saved" && draft)) return;
  setSaved("saving");
  const me = await identity();
  const create = {
    mailboxIds: { [drafts]: true },
    keywords: { $draft: true, $seen: true },
    from: [{ name: me.name || null, email: me.email }],
    to: addresses(letter.to),
    cc: addresses(letter.cc),
    bcc: addresses(letter.bcc),
    subject: letter.subject,
    ...(letter.inReplyTo && { inReplyTo: letter.inReplyTo, references: letter.references }),
    bodyValues: { t: { value: plain(letter.html) }, h: { value: letter.html } },
    textBody: [{ partId: "t", type: "text/plain" }],
    htmlBody: [{ partId: "h", type: "text/html" }],
    attachments: letter.files.filter((file) => file.blobId).map(({ blobId, type, name }) => ({ blobId, type, name, disposition: "attachment" })),
  };
  const answer = await jmap().call<SetAnswer>("Email/set", { create: { d: create }, ...(draft && { destroy: [draft] }) });
  const refused = answer.notCreated?.["d"];
  if (refused) throw new JmapError(refused.type, refused.description ?? "");
  draft = answer.created?.["d"]?.id ?? null;
  if ((saved() as string) === "saving") setSaved("saved");
}

function isEmpty(): boolean {
  return !letter.to.trim() && !letter.subject.trim() && !plain(letter.html).trim() && !letter.files.length;
}

window.addEventListener("beforeunload", (event) => {
  if (open() && (saved() === "unsaved" || saved() === "saving")) event.preventDefault();
});

// Closes what is being written; it stays a draft. False: it cannot be saved, and is open again.
export async function leave(): Promise<boolean> {
  window.clearTimeout(timer);
  setOpen(0);
  if (saved() === "clean" || (isEmpty() && !draft)) return true;
  try {
    await save();
    return true;
  } catch (fault) {
    complain(fault);
    setOpen(++opened);
    return false;
  }
}

export async function discard(): Promise<void> {
  window.clearTimeout(timer);
  setOpen(0);
  await saving.catch(() => undefined);
  const gone = draft;
  draft = null;
  if (!gone) return;
  try {
    await jmap().call("Email/set", { destroy: [gone] });
    say({ text: t().write.discarded });
  } catch (fault) {
    complain(fault);
  }
}

export async function send(): Promise<void> {
  if (sending) return;
  sending = true;
  const kept: Letter = { ...letter, files: letter.files.map((file) => ({ ...file })) };
  const sentAs = (): Record<string, true | null> => ({
    [`mailboxIds/${byRole("drafts")?.id}`]: null,
    [`mailboxIds/${byRole("sent")?.id}`]: true,
    "keywords/$draft": null,
  });
  try {
    if (saved() === "clean") setSaved("unsaved");
    say({ text: t().write.sending });
    await save();
    const me = await identity();
    const everyone = [...new Set([kept.to, kept.cc, kept.bcc].flatMap(addresses).map((one) => one.email))];
    const email = draft as Id;
    const create = {
      identityId: me.id,
      emailId: email,
      envelope: { mailFrom: { email: me.email, parameters: { HOLDFOR: String(UNDO) } }, rcptTo: everyone.map((address) => ({ email: address, parameters: null })) },
    };
    const answer = await jmap().call<SetAnswer>("EmailSubmission/set", { create: { s: create }, onSuccessUpdateEmail: { "#s": sentAs() } });
    const refused = answer.notCreated?.["s"];
    if (refused) throw new JmapError(refused.type, refused.description ?? "");
    setOpen(0);
    draft = null;
    const submission = answer.created?.["s"]?.id ?? "";
    say({ text: t().write.sent, undo: () => void takeBack(submission, email, kept) }, UNDO * 1_000);
    if (kept.answers) await jmap().call("Email/set", { update: { [kept.answers.id]: { [`keywords/${kept.answers.keyword}`]: true } } });
  } catch (fault) {
    complain(fault);
  } finally {
    sending = false;
  }
}

async function takeBack(submission: Id, email: Id, kept: Letter): Promise<void> {
  hush();
  try {
    const answer = await jmap().call<SetAnswer>("EmailSubmission/set", { update: { [submission]: { undoStatus: "canceled" } } });
    const refused = answer.notUpdated?.[submission];
    if (refused) throw new JmapError(refused.type, refused.description ?? "");
    const back = { [`mailboxIds/${byRole("sent")?.id}`]: null, [`mailboxIds/${byRole("drafts")?.id}`]: true, "keywords/$draft": true };
    await jmap().call("Email/set", { update: { [email]: back } });
    await begin(kept, email);
  } catch (fault) {
    complain(fault);
  }
}


const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function original(body: Body | undefined): string {
  const parts = body?.htmlBody ?? [];
  return parts
    .map((part) => {
      const value = (part.partId && body?.bodyValues[part.partId]?.value) || "";
      return part.type === "text/html" ? quotable(value) : part.type === "text/plain" ? escaped(value).replace(/\r?\n/g, "<br>") : "";
    })
    .join("");
}

// A letter that answers, passes on or goes on with another.
export async function from(how: "reply" | "replyAll" | "forward" | "edit", email: Email): Promise<void> {
  if (!bodies[email.id]) await prefetch(email.threadId);
  const body = bodies[email.id];
  const quote = original(body);
  const files = (body?.attachments ?? []).flatMap((part): File[] =>
    part.blobId ? [{ key: part.blobId, name: part.name ?? "file", type: part.type, size: part.size, blobId: part.blobId, sent: part.size }] : []);
  if (how === "edit")
    return begin({ to: written(email.to), cc: written(body?.cc), bcc: written(body?.bcc), subject: email.subject ?? "", html: quote, files,
      references: body?.references ?? null }, email.id);
  const subject = (mark: string): string => ((email.subject ?? "").toLowerCase().startsWith(mark.toLowerCase()) ? (email.subject ?? "") : `${mark} ${email.subject ?? ""}`);
  if (how === "forward") {
    const head = [[t().from, written(email.from)], [t().date, longDate(email.receivedAt)], [t().write.subject, email.subject ?? ""], [t().to, written(email.to)]];
    const lines = head.map(([name, value]) => `${escaped(name ?? "")}: ${escaped(value ?? "")}`).join("<br>");
    return begin({ subject: subject("Fwd:"), files, answers: { id: email.id, keyword: "$forwarded" },
      html: `<p><br></p><p>---------- ${escaped(t().write.forwarded)} ----------<br>${lines}</p>${quote}` });
  }
  const mine = (email.from ?? []).some((one) => isMe(one.email));
  const to = mine ? (email.to ?? []) : (body?.replyTo ?? email.from ?? []);
  const others = [...(mine ? [] : (email.to ?? [])), ...(body?.cc ?? [])].filter((one) => !isMe(one.email) && !to.some((there) => there.email === one.email));
  await begin({
    to: written(to),
    cc: how === "replyAll" ? written(others) : "",
    subject: subject("Re:"),
    html: `<p><br></p><p>${escaped(t().write.wrote(longDate(email.receivedAt), nameOf(email.from?.[0])))}</p><blockquote>${quote}</blockquote>`,
    inReplyTo: body?.messageId ?? null,
    references: [...(body?.references ?? []), ...(body?.messageId ?? [])],
    answers: { id: email.id, keyword: "$answered" },
  });
}

export function fromMailto(url: string): void {
  try {
    const read = new URL(url);
    const field = (name: string): string => read.searchParams.get(name) ?? "";
    void begin({ to: decodeURIComponent(read.pathname), cc: field("cc"), subject: field("subject"), html: escaped(field("body")).replace(/\r?\n/g, "<br>") });
  } catch {
    // no address: nothing to write to
  }
}
