// What a modern mail program does, by the library many are built on. Prints what it saw as JSON.
import { ImapFlow } from 'imapflow';

const [host, port, user, pass] = process.argv.slice(2);
const client = new ImapFlow({ host, port: Number(port), secure: true, auth: { user, pass }, logger: false, tls: { rejectUnauthorized: false } });
const seen = {};
await client.connect();
seen.compressed = Boolean(client._deflate);  // RFC 4978; it does so by itself where that is offered
const lock = await client.getMailboxLock('INBOX');
try {
  const found = [];
  for await (const message of client.fetch('1:*', { envelope: true, bodyStructure: true, flags: true, uid: true, internalDate: true, size: true }))
    found.push(message);
  seen.subjects = found.map((m) => m.envelope.subject);
  seen.attachment = found[0].bodyStructure.childNodes[1].dispositionParameters.filename;
  const part = await client.download('2', '1');
  let text = '';
  for await (const chunk of part.content) text += chunk.toString();
  seen.text = text;
  seen.found = await client.search({ body: 'number 3' }, { uid: true });
  await client.messageFlagsAdd('1', ['\\Flagged']);
  seen.flags = [...(await client.fetchOne('1', { flags: true })).flags];
  await client.messageMove('3', 'Trash');
  seen.trash = (await client.status('Trash', { messages: true })).messages;
  seen.specialUse = (await client.list()).map((box) => box.specialUse).filter(Boolean);
  const arrived = new Promise((resolve) => client.on('exists', (data) => resolve(data.count)));
  const idling = client.idle();
  console.log('waiting');
  seen.exists = (await arrived) + 1;  // one was moved away
  await client.noop();
  await idling;
} finally {
  lock.release();
}
await client.logout();
console.log(JSON.stringify(seen));
