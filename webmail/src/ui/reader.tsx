// The conversation that is open: all its messages on one page, those read already folded.
import { createEffect, createMemo, createSignal, For, on, onCleanup, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import { bind } from "../lib/keys";
import { go, route } from "../lib/route";
import { neighbour } from "../model/list";
import { emails, inThread } from "../model/mail";
import { close, prefetch, read, state } from "../model/thread";
import { Icon, IconButton } from "./icons";
import { Message, type Write } from "./message";
import { Acts } from "./tools";
import { selected } from "../model/selection";

export function Reader(props: { onWrite: Write; onMailto: (url: string) => void }): JSX.Element {
  const thread = (): Id | null => route().thread;
  return (
    <section class="reader" aria-label={t().conversation} tabindex="-1">
      <Show when={thread()} keyed fallback={
        <div class="empty">
          <Icon name="all" />
          <p class="empty-title">{t().empty.pick}</p>
          <p class="keys-hint">{t().empty.pickHint}</p>
        </div>
      }>
        {(id) => <Conversation thread={id} {...props} />}
      </Show>
    </section>
  );
}

function Conversation(props: { thread: Id; onWrite: Write; onMailto: (url: string) => void }): JSX.Element {
  let title!: HTMLHeadingElement;
  const members = createMemo(() => inThread(props.thread, ["trash", "junk"].includes((route().view as { role?: string }).role ?? "")));
  const subject = createMemo(() => members()[0]?.subject || t().noSubject);
  const [unfolded, setUnfolded] = createSignal<ReadonlySet<Id>>(new Set());
  const last = createMemo(() => members().filter((email) => !email.keywords["$draft"]).at(-1) ?? members().at(-1));

  // Unread ones and the last are open at first.
  createEffect(on([() => props.thread, () => members().length], () => {
    const next = new Set(unfolded());
    for (const email of members()) if (!email.keywords["$seen"]) next.add(email.id);
    const end = members().at(-1);
    if (end) next.add(end.id);
    setUnfolded(next);
  }));
  createEffect(() => void read(props.thread));
  createEffect(() => {
    if (state() !== "ready") return;
    const next = neighbour(props.thread, 1);
    const timer = next && window.setTimeout(() => void prefetch(next), 200);
    onCleanup(() => window.clearTimeout(timer || undefined));
  });
  onCleanup(close);

  function toggle(id: Id): void {
    const next = new Set(unfolded());
    if (!next.delete(id)) next.add(id);
    setUnfolded(next);
  }
  function walk(step: 1 | -1): void {
    const heads = [...document.querySelectorAll<HTMLElement>(".message h2 button")];
    const at = heads.findIndex((head) => head.closest(".message")?.contains(document.activeElement));
    const next = heads[Math.max(0, Math.min(heads.length - 1, at + step))];
    next?.focus();
    next?.scrollIntoView({ block: "start" });
  }
  const write = (how: Parameters<Write>[0]) => (): void => {
    const focused = document.activeElement?.closest<HTMLElement>("[data-message]")?.dataset["message"];
    const email = (focused && emails[focused]) || last();
    if (email) props.onWrite(email.keywords["$draft"] ? "edit" : how, email);
  };
  onCleanup(bind({ n: () => walk(1), p: () => walk(-1), r: write("reply"), a: write("replyAll"), f: write("forward") }));

  return (
    <>
      <div class="tools" role="toolbar" aria-label={t().conversation}>
        <IconButton icon="back" label={t().back} class="back-button" onClick={() => go({ thread: null })} />
        <Show when={selected().size === 0}><Acts /></Show>
      </div>
      <div class="scroller">
        <Show when={state() !== "gone"} fallback={<div class="empty"><p>{t().wrong.gone}</p></div>}>
          <h1 ref={title} class="conversation-title" tabindex="-1">{subject()}</h1>
          <For each={members().map((email) => email.id)}>
            {(id) => (
              <Show when={emails[id]}>
                {(email) => <Message email={email()} expanded={unfolded().has(id)} onToggle={() => toggle(id)} {...props} />}
              </Show>
            )}
          </For>
          <Show when={state() === "failed"}>
            <div class="empty" role="alert">
              <p>{t().wrong.load}</p>
              <button type="button" class="button" onClick={() => void read(props.thread)}>{t().retry}</button>
            </div>
          </Show>
          <Show when={last()}>
            <div class="answers">
              <button type="button" class="button" onClick={write("reply")}><Icon name="reply" />{t().reply}</button>
              <button type="button" class="button" onClick={write("replyAll")}><Icon name="replyAll" />{t().replyAll}</button>
              <button type="button" class="button" onClick={write("forward")}><Icon name="forward" />{t().forward}</button>
            </div>
          </Show>
        </Show>
      </div>
    </>
  );
}
