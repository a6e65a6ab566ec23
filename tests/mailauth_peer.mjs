// One call of npm's mailauth: a JSON object on standard input says what, another on standard output what came of it.
// {do: "verify", message, txt} -> {dkim: [{domain, algorithm, result}], arc}
// {do: "sign", message, keys: [{domain, selector, privateKey}]} and {do: "seal", message, txt, key} -> {fields}
// Messages are base64; txt holds TXT records by name.
import { authenticate } from "mailauth";
import { dkimSign } from "mailauth/lib/dkim/sign.js";

const asked = JSON.parse(await new Promise((done) => {
  let all = "";
  process.stdin.on("data", (piece) => (all += piece)).on("end", () => done(all));
}));
const message = Buffer.from(asked.message, "base64");
const resolver = async (name, type) => {
  if (type === "TXT" && asked.txt?.[name]) return [[asked.txt[name]]];
  throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
};

let told;
if (asked.do === "sign") {
  const signed = await dkimSign(message, {
    canonicalization: asked.canonicalization ?? "relaxed/relaxed",
    signatureData: asked.keys.map((key) => ({ signingDomain: key.domain, selector: key.selector, privateKey: key.privateKey })),
  });
  told = { fields: signed.signatures, errors: signed.errors };
} else {
  const seal = asked.do === "seal" ? { signingDomain: asked.key.domain, selector: asked.key.selector, privateKey: asked.key.privateKey } : undefined;
  const found = await authenticate(message, { ip: "192.0.2.1", helo: "mail.example.com", sender: "", mta: "mx.example.net", resolver, seal, disableBimi: true });
  told = {
    dkim: found.dkim.results.map((one) => ({ domain: one.signingDomain, algorithm: one.algo, result: one.status.result })),
    arc: found.arc.status.result,
    comment: found.arc.status.comment,
    fields: asked.do === "seal" ? found.headers : undefined,
  };
}
process.stdout.write(JSON.stringify(told));
