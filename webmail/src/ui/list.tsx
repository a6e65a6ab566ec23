// The list of conversations: only the rows in sight are in the page, however many there are.
import { createEffect, createMemo, createSignal, For, Index, on, onCleanup, onMount, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Email, Id } from "../jmap/types";
import { nameOf, shortDate, firstName } from "../lib/format";
import { format, go, route } from "../lib/route";
import * as actions from "../model/actions";
import { isStarred, isUnread, threadAt } from "../model/commands";
import { look, refresh, rows, snippets, state } from "../model/list";
import { boxes, emails, fullName, inThread, isMe } from "../model/mail";
import { cursor, pickNone, reach, selected, setCursor, toggle } from "../model/selection";
import { Icon, IconButton } from "./icons";
import { Marked } from "./marked";
import { ListTools } from "./tools";

const SPARE = 6; // rows kept above and below those in sight

export function MailList(): JSX.Element {
  let box!: HTMLDivElement;
  const [top, setTop] = createSignal(0);
  const [height, setHeight] = createSignal(800);
  const [row, setRow] = createSignal(80); // px; style/tokens.css has it as --row, in rem
  const from = createMemo(() => Math.max(0, Math.floor(top() / row()) - SPARE));
  const to = createMemo(() => Math.min(rows().length, Math.ceil((top() + height()) / row()) + SPARE));
  const shown = createMemo(() => Array.from({ length: Math.max(0, to() - from()) }, (_, at) => from() + at));

  onMount(() => {
    const measure = new ResizeObserver(() => {
      setHeight(box.clientHeight);
      setRow(parseFloat(getComputedStyle(box).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize));
    });
    measure.observe(box);
    onCleanup(() => measure.disconnect());
  });
  createEffect(() => look(from(), to()));
  const view = createMemo(() => format({ view: route().view, thread: null }));
  createEffect(on(view, () => {
    box.scrollTop = 0;
    setTop(0);
    setCursor(0);
    pickNone();
  }));
  // The row under the cursor comes into sight, and takes the focus from another row.
  createEffect(on(cursor, (at) => {
    const [begin, end] = [at * row(), (at + 1) * row()];
    if (begin < box.scrollTop) box.scrollTop = begin;
    else if (end > box.scrollTop + box.clientHeight) box.scrollTop = end - box.clientHeight;
    if (document.activeElement?.closest(".rows"))
      requestAnimationFrame(() => box.querySelector<HTMLElement>(`[data-row="${at}"]`)?.focus({ preventScroll: true }));
  }, { defer: true }));
  createEffect(on(() => rows().length, (length) => { if (cursor() >= length) setCursor(Math.max(0, length - 1)); }));

  return (
    <section class="list" aria-label={t().messages} id="messages" tabindex="-1">
      <ListTools />
      <div class="scroller" ref={box} onScroll={() => setTop(box.scrollTop)}>
        <Show when={state() === "ready" && rows().length === 0}>
          <Empty />
        </Show>
        <Show when={state() === "failed"}>
          <div class="empty" role="alert">
            <p>{t().wrong.load}</p>
            <button type="button" class="button" onClick={() => void refresh()}>{t().retry}</button>
          </div>
        </Show>
        <Show when={state() === "loading"}>
          <div class="loading" role="status"><span class="unseen">{t().loading}</span></div>
        </Show>
        <div class="rows" role="grid" aria-label={t().messages} aria-rowcount={rows().length} aria-multiselectable="true"
          classList={{ picking: selected().size > 0 }} style={{ height: `${rows().length * row()}px` }}>
          <Index each={shown()}>{(at) => <Row at={at()} top={at() * row()} id={rows()[at()]} />}</Index>
        </div>
      </div>
    </section>
  );
}

function Empty(): JSX.Element {
  const kind = createMemo(() => {
    const view = route().view;
    return view.kind === "search" ? "search" : view.kind === "role" && view.role === "inbox" ? "inbox" : "other";
  });
  return (
    <div class="empty">
      <Icon name={kind() === "search" ? "search" : "inbox"} />
      <p class="empty-title">{t().empty[kind() as "inbox"]}</p>
      <Show when={kind() !== "other"}>
        <p>{kind() === "search" ? t().empty.searchHint : t().empty.inboxHint}</p>
      </Show>
    </div>
  );
}

function Row(props: { at: number; top: number; id: Id | undefined }): JSX.Element {
  const head = createMemo((): Email | undefined => (props.id ? emails[props.id] : undefined));
  const place = (): JSX.CSSProperties => ({ transform: `translateY(${props.top}px)` });
  return (
    <Show when={head()} fallback={
      <div class="row ghost" role="row" aria-rowindex={props.at + 1} style={place()}><div role="gridcell"><span class="unseen">{t().loading}</span></div></div>
    }>
      {(email) => <Conversation at={props.at} place={place()} email={email()} />}
    </Show>
  );
}

function Conversation(props: { at: number; place: JSX.CSSProperties; email: Email }): JSX.Element {
  const thread = (): Id => props.email.threadId;
  const members = createMemo(() => inThread(thread(), false));
  const last = createMemo(() => members().at(-1) ?? props.email);
  const unread = createMemo(() => isUnread(thread()));
  const starred = createMemo(() => isStarred(thread()));
  const outgoing = createMemo(() => {
    const view = route().view;
    return view.kind === "role" && (view.role === "sent" || view.role === "drafts");
  });
  const who = createMemo(() => people(members(), outgoing()));
  const tags = createMemo(() => {
    const view = route().view;
    const ids = new Set(members().flatMap((email) => Object.keys(email.mailboxIds)));
    return boxes().filter((box) => !box.role && ids.has(box.id) && !(view.kind === "label" && view.id === box.id)).slice(0, 3);
  });
  const snippet = (): { subject: string | null; preview: string | null } | undefined =>
    route().view.kind === "search" ? snippets[props.email.id] : undefined;
  const isOpen = (): boolean => route().thread === thread();

  function open(event: MouseEvent): void {
    if (event.shiftKey) return reach(props.at, rows().map((id) => id && emails[id]?.threadId));
    setCursor(props.at);
    go({ thread: thread() });
  }

  return (
    <div class="row" role="row" data-row={props.at} aria-rowindex={props.at + 1} aria-selected={selected().has(thread())}
      tabindex={cursor() === props.at ? 0 : -1} style={props.place}
      classList={{ unread: unread(), picked: selected().has(thread()), open: isOpen() }}
      onFocus={() => setCursor(props.at)} onClick={open}
      onKeyDown={(event) => { if (event.key === "Enter" && event.target === event.currentTarget) { event.preventDefault(); event.stopPropagation(); go({ thread: thread() }); } }}>
      <div role="gridcell" class="pick" onClick={(event) => {
        event.stopPropagation();
        if (event.shiftKey) reach(props.at, rows().map((id) => id && emails[id]?.threadId));
        else toggle(thread(), props.at);
      }}>
        <Avatar name={who().first} seed={who().seed} />
        <input type="checkbox" tabindex="-1" aria-label={t().select} checked={selected().has(thread())} onClick={(event) => event.preventDefault()} />
      </div>
      <div role="gridcell" class="what">
        <span class="line">
          <Show when={unread()}><span class="unseen">{t().unreadMark}. </span></Show>
          <span class="who">{who().text}</span>
          <Show when={members().length > 1}><span class="many">{members().length}</span></Show>
          <Show when={members().some((email) => email.keywords["$draft"])}><span class="draft">{t().draft}</span></Show>
          <Show when={members().some((email) => email.hasAttachment)}><span class="clip" title={t().hasAttachment}><Icon name="clip" /><span class="unseen">{t().hasAttachment}</span></span></Show>
          <time datetime={last().receivedAt}>{shortDate(last().receivedAt)}</time>
        </span>
        <span class="line">
          <span class="subject"><Marked html={snippet()?.subject} text={props.email.subject || t().noSubject} /></span>
          <For each={tags()}>{(box) => <span class="tag">{fullName(box)}</span>}</For>
        </span>
        <span class="line preview"><Marked html={snippet()?.preview} text={last().preview} /></span>
      </div>
      <div role="gridcell" class="mark">
        <IconButton icon="starred" label={starred() ? t().unstar : t().star} filled={starred()} pressed={starred()} class="star" tabindex={-1}
          onClick={(event) => { event.stopPropagation(); void actions.star([thread()], !starred()); }} />
      </div>
    </div>
  );
}

// Who takes part, in the order in which they came in; of what one has sent, whom it goes to.
function people(members: Email[], outgoing: boolean): { text: string; first: string; seed: string } {
  const all = members.flatMap((email) => (outgoing ? email.to : email.from) ?? []);
  const seen = new Map(all.map((one) => [one.email.toLowerCase(), one]));
  const others = [...seen.values()];
  const named = (one: (typeof others)[number]): string => (isMe(one.email) ? t().me : others.length > 1 ? firstName(one) : nameOf(one));
  const picked = others.length > 3 ? [...others.slice(0, 1), ...others.slice(-2)] : others;
  const text = picked.map(named).join(", ") || (outgoing ? t().nobody : t().noSender);
  const face = others.filter((one) => !isMe(one.email)).at(-1) ?? others[0];
  return { text: outgoing ? t().toWhom(text) : text, first: nameOf(face), seed: face?.email.toLowerCase() ?? "" };
}

// A face for those who have no picture: a letter, on one of some colours.
export function Avatar(props: { name: string; seed: string }): JSX.Element {
  const colour = (): number => [...props.seed].reduce((sum, c) => (sum * 31 + (c.codePointAt(0) ?? 0)) % 997, 7) % 8;
  const letter = (): string => (/[\p{L}\p{N}]/u.exec(props.name)?.[0] ?? "·").toUpperCase();
  return <span class="avatar" data-colour={colour()} aria-hidden="true">{letter()}</span>;
}

export function openAtCursor(): void {
  const thread = threadAt(cursor());
  if (thread) go({ thread });
}
