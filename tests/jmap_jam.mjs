// Makes requests by the unmodified jmap-jam and prints what came back, as JSON.
// node jmap_jam.mjs SESSION_URL TOKEN < steps.json; a step is one of
//   {"calls": [["name", "Email/get", {...}], ...]}, where an argument may be {"$ref": ["name", "/path"]}: one request;
//   {"upload": "text"}; {"download": {"blobId": ..., "type": ..., "name": ...}}
import { JamClient } from 'jmap-jam';
import { readFileSync } from 'node:fs';

const [sessionUrl, bearerToken] = process.argv.slice(2);
const customCapabilities = {
  AddressBook: 'urn:ietf:params:jmap:contacts', ContactCard: 'urn:ietf:params:jmap:contacts',
  Principal: 'urn:ietf:params:jmap:principals', ShareNotification: 'urn:ietf:params:jmap:principals',
};
const jam = new JamClient({ sessionUrl, bearerToken, customCapabilities });
const accountId = await jam.getPrimaryAccount();

function drafts(calls, builder) {
  const made = {};
  for (const [name, method, given] of calls) {
    const [type, verb] = method.split('/');
    const values = Object.entries(given).map(([key, value]) => [key, value?.$ref ? made[value.$ref[0]].$ref(value.$ref[1]) : value]);
    made[name] = builder[type][verb]({ accountId, ...Object.fromEntries(values) });
  }
  return made;
}

const out = [];
for (const step of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    if (step.calls) out.push((await jam.requestMany((builder) => drafts(step.calls, builder)))[0]);
    else if (step.upload) out.push(await jam.uploadBlob(accountId, step.upload));
    else {
      const { blobId, type, name } = step.download;
      const response = await jam.downloadBlob({ accountId, blobId, mimeType: type, fileName: name });
      out.push({ type: response.headers.get('content-type'), text: await response.text() });
    }
  } catch (error) {
    out.push({ error: error instanceof Error ? String(error.cause ?? error) : error });
  }
}
console.log(JSON.stringify(out));
