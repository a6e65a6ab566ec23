// Makes calls by the unmodified @googleapis/gmail and prints what came back, as JSON.
// node gmail_calls.mjs ROOT TOKEN < calls.json; a call is {"call": "users.settings.filters.list", "params": {...}},
// with "media": a message to upload (then rootUrl stands in the call, as the client sends media to Google else).
import { gmail } from '@googleapis/gmail';
import { OAuth2Client } from 'google-auth-library';
import { readFileSync } from 'node:fs';

const [rootUrl, token] = process.argv.slice(2);
const auth = new OAuth2Client();
auth.setCredentials({ access_token: token });
const api = gmail({ version: 'v1', auth, rootUrl });
const out = [];
for (const { call, params = {}, media } of JSON.parse(readFileSync(0, 'utf8'))) {
  const names = call.split('.');
  const method = names.pop();
  const resource = names.reduce((at, name) => at[name], api);
  try {
    const all = { userId: 'me', ...params, ...(media ? { media: { mimeType: 'message/rfc822', body: media } } : {}) };
    const { status, data } = await resource[method](all, media ? { rootUrl } : {});
    out.push({ status, data });
  } catch (error) {
    out.push({ status: error.code ?? error.status, message: error.message });
  }
}
console.log(JSON.stringify(out));
