// A client of what pushes, made of other people's parts: a WebSocket (ws) or an EventSource (eventsource). What it hears goes to
// stdout, a JSON object a line; what comes on stdin, a line each, is sent.
//   node push_client.mjs ws|events URL [TOKEN] [LAST-EVENT-ID]
import readline from "node:readline";
import WebSocket from "ws";
import { EventSource } from "eventsource";

const [mode, url, token, last] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const headers = token ? { Authorization: `Bearer ${token}` } : {};
const input = readline.createInterface({ input: process.stdin });

if (mode === "ws") {
  const socket = new WebSocket(url, last === "no-protocol" ? [] : ["jmap"], { headers });
  socket.on("open", () => say({ event: "open", protocol: socket.protocol }));
  socket.on("message", (data, binary) => say({ event: "message", binary, data: JSON.parse(data.toString()) }));
  socket.on("ping", () => say({ event: "ping" }));
  socket.on("unexpected-response", (_, response) => {
    say({ event: "refused", status: response.statusCode });
    process.exit(0);
  });
  socket.on("close", (code) => {
    say({ event: "close", code });
    process.exit(0);
  });
  socket.on("error", (error) => say({ event: "error", message: error.message }));
  input.on("line", (line) => socket.send(line.startsWith("binary ") ? Buffer.from(line.slice(7)) : line));
  input.on("close", () => socket.close(1000));
} else {
  const source = new EventSource(url, {
    fetch: (to, init) => fetch(to, { ...init, headers: { ...init.headers, ...headers, ...(last ? { "Last-Event-ID": last } : {}) } }),
  });
  const hear = (event) => say({ event: event.type, id: event.lastEventId, data: JSON.parse(event.data) });
  source.addEventListener("open", () => say({ event: "open" }));
  source.addEventListener("state", hear);
  source.addEventListener("ping", hear);
  source.addEventListener("error", (error) => {
    say({ event: "error", status: error.code ?? 0 });
    source.close();
    process.exit(0);
  });
  input.on("close", () => process.exit(0));
}
