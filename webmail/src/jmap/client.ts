// JMAP over fetch (RFC 8620 §3). The session's cookie says who calls; when it has ended, the page goes to sign in and
// comes back. Calls made in one turn of the event loop travel in one request.
import type { Id, Session } from "./types";

export const CORE = "urn:ietf:params:jmap:core";
export const MAIL = "urn:ietf:params:jmap:mail";
export const SUBMISSION = "urn:ietf:params:jmap:submission";
export const CONTACTS = "urn:ietf:params:jmap:contacts";
const WANTED = [CORE, MAIL, SUBMISSION, CONTACTS];

export type Arguments = Record<string, unknown>;
export type Call = [method: string, args: Arguments];

export class JmapError extends Error {
  constructor(
    readonly type: string,
    description: string,
  ) {
    super(description || type);
  }
}

// "Nobody answered": the network, not the server.
export class Offline extends Error {}

export function signIn(): void {
  location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
}

async function ask(url: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === "AbortError") throw fault;
    throw new Offline(String(fault));
  }
  if (response.status === 401) {
    signIn();
    return new Promise(() => undefined); // the page is about to go
  }
  return response;
}

interface Waiting {
  calls: Call[];
  done: (answers: unknown[]) => void;
  failed: (fault: unknown) => void;
}

export class Jmap {
  readonly account: Id;
  private readonly using: string[];
  private waiting: Waiting[] = [];

  constructor(readonly session: Session) {
    this.account = session.primaryAccounts[MAIL] ?? "";
    this.using = WANTED.filter((name) => name in session.capabilities);
  }

  static async open(): Promise<Jmap> {
    const response = await ask("/jmap/session");
    if (!response.ok) throw new JmapError("session", await why(response));
    return new Jmap((await response.json()) as Session);
  }

  has(capability: string): boolean {
    return this.using.includes(capability);
  }

  limit(name: string, otherwise: number): number {
    const value = this.session.capabilities[CORE]?.[name];
    return typeof value === "number" ? value : otherwise;
  }

  async call<T>(method: string, args: Arguments): Promise<T> {
    return (await this.calls<[T]>([method, args]))[0];
  }

  // Answers in the order of the calls; the first that failed is thrown. A call can refer to an earlier one by
  // ref("0", ...): its place among these.
  calls<T extends unknown[]>(...calls: Call[]): Promise<T> {
    return new Promise((done, failed) => {
      this.waiting.push({ calls, done: done as (answers: unknown[]) => void, failed });
      if (this.waiting.length === 1) queueMicrotask(() => void this.flush());
    });
  }

  private async flush(): Promise<void> {
    const most = this.limit("maxCallsInRequest", 16);
    while (this.waiting.length > 0) {
      const batch = [this.waiting.shift() as Waiting];
      let size = batch[0]?.calls.length ?? 0;
      while (this.waiting[0] && size + this.waiting[0].calls.length <= most) {
        const next = this.waiting.shift() as Waiting;
        size += next.calls.length;
        batch.push(next);
      }
      void this.send(batch);
    }
  }

  private async send(batch: Waiting[]): Promise<void> {
    try {
      const methodCalls = batch.flatMap((one, group) =>
        one.calls.map(([method, args], at) => [method, renamed({ accountId: this.account, ...args }, group), `${group}.${at}`]),
      );
      const response = await ask(this.session.apiUrl, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ using: this.using, methodCalls }),
      });
      if (!response.ok) throw new JmapError("request", await why(response));
      const answers = ((await response.json()) as { methodResponses: [string, Record<string, unknown>, string][] }).methodResponses;
      batch.forEach((one, group) => {
        const mine = one.calls.map((_, at) => answers.find(([, , id]) => id === `${group}.${at}`));
        const bad = mine.find((answer) => !answer || answer[0] === "error");
        if (bad) one.failed(new JmapError(String(bad[1]["type"]), String(bad[1]["description"] ?? "")));
        else one.done(mine.map((answer) => answer?.[1]));
      });
    } catch (fault) {
      for (const one of batch) one.failed(fault);
    }
  }

  blobUrl(blob: Id, name: string, type: string): string {
    const values: Record<string, string> = { accountId: this.account, blobId: blob, name, type };
    return this.session.downloadUrl.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(values[key] ?? ""));
  }

  async blob(blob: Id, type: string): Promise<Blob> {
    const response = await ask(this.blobUrl(blob, "part", type));
    if (!response.ok) throw new JmapError("download", await why(response));
    return response.blob();
  }

  // With progress, which fetch() cannot tell of.
  upload(data: Blob, type: string, progress: (sent: number) => void, signal: AbortSignal): Promise<{ blobId: Id; size: number }> {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.session.uploadUrl.replace("{accountId}", encodeURIComponent(this.account)));
      request.setRequestHeader("Content-Type", type || "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onload = () =>
        request.status === 201 || request.status === 200
          ? done(request.response as { blobId: Id; size: number })
          : failed(new JmapError("upload", (request.response as { detail?: string } | null)?.detail ?? String(request.status)));
      request.onerror = () => failed(new Offline("upload"));
      request.onabort = () => failed(new DOMException("", "AbortError"));
      signal.addEventListener("abort", () => request.abort());
      request.send(data);
    });
  }
}

// A reference to the result of an earlier call of the same calls() (RFC 8620 §3.7).
export function ref(call: number, name: string, path: string): { resultOf: string; name: string; path: string } {
  return { resultOf: String(call), name, path };
}

function renamed(args: Arguments, group: number): Arguments {
  const out: Arguments = {};
  for (const [name, value] of Object.entries(args))
    out[name] = name.startsWith("#") && isRef(value) ? { ...value, resultOf: `${group}.${value.resultOf}` } : value;
  return out;
}

function isRef(value: unknown): value is { resultOf: string } {
  return typeof value === "object" && value !== null && "resultOf" in value;
}

async function why(response: Response): Promise<string> {
  try {
    return ((await response.json()) as { detail?: string }).detail ?? response.statusText;
  } catch {
    return response.statusText;
  }
}
