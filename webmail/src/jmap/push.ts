// Changes as they happen: JMAP over WebSocket (RFC 8887 §4.3.5), connected again when it breaks.
const FIRST_PAUSE = 1_000; // ms
const LONGEST_PAUSE = 60_000;

export type Link = "connecting" | "live" | "broken";

export function follow(types: string[], changed: (types: Set<string>) => void, link: (state: Link) => void): () => void {
  let socket: WebSocket | undefined;
  let pause = FIRST_PAUSE;
  let timer: number | undefined;
  let over = false;
  let position: string | undefined; // what this page has been told; unknown: everything may have changed
  let before = false;

  function connect(): void {
    if (before) link("connecting");
    socket = new WebSocket(`wss://${location.host}/jmap/ws`, "jmap");
    socket.onopen = () => {
      pause = FIRST_PAUSE;
      link("live");
      socket?.send(JSON.stringify({ "@type": "WebSocketPushEnable", dataTypes: types, ...(position ? { pushState: position } : {}) }));
      if (before && !position) changed(new Set(types));
      before = true;
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(String(event.data)) as {
        "@type": string;
        changed?: Record<string, Record<string, string>>;
        pushState?: string;
      };
      if (message["@type"] !== "StateChange") return;
      position = message.pushState ?? position;
      changed(new Set(Object.values(message.changed ?? {}).flatMap((one) => Object.keys(one))));
    };
    socket.onclose = () => {
      if (over) return;
      link("broken");
      timer = window.setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  }

  function atOnce(): void {
    if (socket && socket.readyState <= WebSocket.OPEN) return;
    window.clearTimeout(timer);
    connect();
  }

  connect();
  window.addEventListener("online", atOnce);
  return () => {
    over = true;
    window.removeEventListener("online", atOnce);
    window.clearTimeout(timer);
    socket?.close();
  };
}
