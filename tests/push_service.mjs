// A push service (RFC 8030) and the browser behind it. It prints the subscription it gave out; then of each message what it found:
// the proof of who sent it (RFC 8292) looked at with Node's own crypto, the message opened with http_ece (RFC 8188, 8291).
//   node push_service.mjs KEY.pem CERTIFICATE.pem      stdin: "answers 500 201 410" are given in turn; then 201
import crypto from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import readline from "node:readline";
import ece from "http_ece";

const say = (what) => console.log(JSON.stringify(what));
const browser = crypto.createECDH("prime256v1");
browser.generateKeys();
const auth = crypto.randomBytes(16);
let answers = [];

function proof(field) {
  const [, token, key] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(field);
  const [head, claims, signature] = token.split(".");
  const point = Buffer.from(key, "base64url");
  const jwk = { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
  const good = crypto.verify("sha256", Buffer.from(`${head}.${claims}`),
    { key: crypto.createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
  return { good, key, head: JSON.parse(Buffer.from(head, "base64url")), claims: JSON.parse(Buffer.from(claims, "base64url")) };
}

const server = https.createServer({ key: fs.readFileSync(process.argv[2]), cert: fs.readFileSync(process.argv[3]) }, (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces), told = { method: request.method, url: request.url, headers: request.headers, size: body.length };
    try {
      told.proof = proof(request.headers.authorization);
      const encoding = request.headers["content-encoding"];
      told.message = JSON.parse(encoding ? ece.decrypt(body, { version: encoding, privateKey: browser, authSecret: auth }) : body);
    } catch (error) {
      told.error = String(error);
    }
    const status = answers.length ? answers.shift() : 201;
    response.writeHead(status, status === 503 ? { "Retry-After": "1" } : {});
    response.end();
    say({ ...told, status });
  });
});
server.listen(0, "127.0.0.1", () => say({
  port: server.address().port,
  keys: { p256dh: browser.getPublicKey("base64url"), auth: auth.toString("base64url") },
}));
readline.createInterface({ input: process.stdin }).on("line", (line) => { answers = line.split(" ").slice(1).map(Number); });
