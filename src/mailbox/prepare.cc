// What is done before a transaction, and the stored bodies: small ones as they are, of larger ones the header apart
// from the rest.
#include <algorithm>

#include "mailbox/compress.h"
#include "mailbox/impl.h"
#include "mailbox/search.h"
#include "message/binary.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kCompressFrom = 512;   // octets; below, compression costs more than it saves
constexpr size_t kMaxBody = 256 << 20;  // decompressed, against a damaged record

std::string stored_form(std::string_view bytes, uint8_t goes_on = 0) {
  std::string out(1, static_cast<char>(kCompressed | goes_on));
  if (bytes.size() >= kCompressFrom && compress(bytes, out)) return out;
  out.reserve(1 + bytes.size());
  out[0] = static_cast<char>(kAsItIs | goes_on);
  return out.append(bytes);
}

}  // namespace

std::optional<Unpacked> unpack(std::string_view stored, std::string& out) {
  Decoder in(stored);
  Unpacked unpacked{in.u8()};
  const size_t had = out.size();
  if (unpacked.form == kWhole) {
    unpacked.header = static_cast<size_t>(in.varint());
    if (!in.ok() || unpacked.header > in.rest().size()) return {};
    out += in.rest();
    return unpacked;
  }
  if (!in.ok() || unpacked.form > (kCompressed | kGoesOn)) return {};
  if (!(unpacked.form & kCompressed))
    out += in.rest();
  else if (!decompress(in.rest(), kMaxBody, out))
    return {};
  unpacked.header = out.size() - had;
  return unpacked;
}

std::shared_ptr<const Prepared> prepare(std::string bytes) {
  auto out = std::make_shared<Prepared>();
  out->structure = message::parse(bytes);
  if (out->structure.has_nul) {
    if (auto text = message::encode_binary(bytes, out->structure)) {
      bytes = std::move(*text);
      out->structure = message::parse(bytes);
    }
  }
  out->encoded = message::encode(out->structure);
  out->preview = message::preview(bytes, out->structure);
  out->words = packed(word_list(bytes, out->structure));
  const std::string_view all = bytes;
  const size_t header = out->structure.root.header_size, kept = std::min(header, kMaxStoredHeader);
  if (all.size() <= kMaxWhole) {
    // Small messages are read by the thousand: a zstd frame of each costs more time than all the rest of it. The store
    // compresses its blocks.
    out->stored = Encoder().u8(kWhole).varint(header).raw(all).take();
  } else {
    out->stored = stored_form(all.substr(0, kept), kept < header ? kGoesOn : 0);
    out->stored_rest = stored_form(all.substr(kept));
  }
  out->bytes = std::make_shared<const std::string>(std::move(bytes));
  return out;
}

BodyId Mailboxes::new_body_id() { return impl_->bodies.next(); }

Result<void> Mailboxes::put_body(store::Transaction& t, BodyId body, const Prepared& prepared) {
  t.put(keys::body(body), prepared.stored, store::Space::kBody);
  if (!prepared.stored_rest.empty()) t.put(keys::rest(body), prepared.stored_rest, store::Space::kBody);
  t.put(keys::references(body), Encoder().varint(0).take());  // so that the first hold_body() need not ask the disk
  return {};
}

Result<void> Mailboxes::hold_body(store::Transaction& t, BodyId body) {
  const auto count = t.get(keys::references(body));
  if (!count) return count.error();
  t.put(keys::references(body), Encoder().varint((*count ? Decoder(**count).varint() : 0) + 1).take());
  return {};
}

Result<void> Mailboxes::release_body(store::Transaction& t, BodyId body) {
  const auto count = t.get(keys::references(body));
  if (!count) return count.error();
  const uint64_t left = *count ? Decoder(**count).varint() : 0;
  if (left > 1) {
    t.put(keys::references(body), Encoder().varint(left - 1).take());
    return {};
  }
  t.erase(keys::references(body));
  t.erase(keys::body(body), store::Space::kBody);
  t.erase(keys::rest(body), store::Space::kBody);
  return {};
}

Result<std::string> Mailboxes::body(const store::Reader& r, BodyId body) const {
  const auto stored = r.get(keys::body(body), store::Space::kBody);
  if (!stored) return stored.error();
  if (!*stored) return Error{Code::kNotFound, "the body is gone"};
  std::string out;
  const auto unpacked = unpack(**stored, out);
  if (!unpacked) return damaged("a body");
  if (unpacked->form == kWhole) return out;
  const auto rest = r.get(keys::rest(body), store::Space::kBody);
  if (!rest) return rest.error();
  if (!*rest || !unpack(**rest, out)) return damaged("a body");
  return out;
}

}  // namespace pabal::mailbox
