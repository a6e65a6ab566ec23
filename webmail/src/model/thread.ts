// The conversation that is open: its messages with their bodies, which never change and are fetched once.
import { createSignal } from "solid-js";
import { ref } from "../jmap/client";
import { LISTED, OPENED, type Body, type Email, type Got, type Id, type Thread } from "../jmap/types";
import { markRead } from "./actions";
import { bodies, jmap, learn, setBodies, threads } from "./mail";

const LONGEST_BODY = 2_000_000; // octets of a text that are shown

export type State = "loading" | "ready" | "gone" | "failed";
const [state, setState] = createSignal<State>("loading");
export { state };

let wanted: Id | null = null;

export async function read(thread: Id): Promise<void> {
  wanted = thread;
  const known = threads[thread];
  setState(known?.every((id) => bodies[id]) ? "ready" : "loading");
  try {
    await fetchThread(thread);
    if (wanted !== thread) return;
    if (!threads[thread]?.length) return void setState("gone");
    setState("ready");
    await markRead([thread], true, true);
  } catch {
    if (wanted === thread && state() !== "ready") setState("failed");
  }
}

export function close(): void {
  wanted = null;
}

// Something changed: new messages of the open conversation, or it has gone.
export async function reread(): Promise<void> {
  const thread = wanted;
  if (!thread) return;
  await fetchThread(thread);
  if (wanted === thread && !threads[thread]?.length) setState("gone");
}

// What is likely to be opened next.
export async function prefetch(thread: Id): Promise<void> {
  if (threads[thread]?.some((id) => !bodies[id])) await fetchThread(thread).catch(() => undefined);
}

async function fetchThread(thread: Id): Promise<void> {
  const [found, heads] = await jmap().calls<[Got<Thread>, Got<Email>]>(
    ["Thread/get", { ids: [thread] }],
    ["Email/get", { "#ids": ref(0, "Thread/get", "/list/*/emailIds"), properties: LISTED }],
  );
  const ids = found.list[0]?.emailIds ?? [];
  const missing = ids.filter((id) => !bodies[id]);
  if (missing.length) {
    const got = await jmap().call<Got<Body>>("Email/get", {
      ids: missing,
      properties: OPENED,
      bodyProperties: ["partId", "blobId", "size", "name", "type", "disposition", "cid"],
      fetchTextBodyValues: true,
      fetchHTMLBodyValues: true,
      maxBodyValueBytes: LONGEST_BODY,
    });
    for (const body of got.list) setBodies(body.id, body);
  }
  learn(heads.list, found.list.length ? found.list : [{ id: thread, emailIds: [] }]);
}
