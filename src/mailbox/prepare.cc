// What is done before a transaction, and the stored bodies.
#include "mailbox/compress.h"
#include "mailbox/impl.h"
#include "mailbox/search.h"
#include "message/binary.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kCompressFrom = 512;   // octets; below, compression costs more than it saves
constexpr size_t kMaxBody = 256 << 20;  // decompressed, against a damaged record
constexpr char kAsItIs = 0, kCompressed = 1;

// An octet that says how, then the bytes.
std::string stored_form(std::string_view bytes) {
  std::string out(1, kCompressed);
  if (bytes.size() >= kCompressFrom && compress(bytes, out)) return out;
  out.reserve(1 + bytes.size());
  out[0] = kAsItIs;
  return out.append(bytes);
}

Result<std::string> original(std::string_view stored) {
  if (stored.empty()) return damaged("a body");
  const char form = stored[0];
  stored.remove_prefix(1);
  if (form == kAsItIs) return std::string(stored);
  auto bytes = form == kCompressed ? decompressed(stored, kMaxBody) : std::nullopt;
  if (!bytes) return damaged("a body");
  return std::move(*bytes);
}

}  // namespace

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
  out->stored = stored_form(bytes);
  out->bytes = std::make_shared<const std::string>(std::move(bytes));
  return out;
}

BodyId Mailboxes::new_body_id() { return impl_->bodies.next(); }

Result<void> Mailboxes::put_body(store::Transaction& t, BodyId body, const Prepared& prepared) {
  t.put(keys::body(body), prepared.stored, store::Space::kBody);
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
  return {};
}

Result<std::string> Mailboxes::body(const store::Reader& r, BodyId body) const {
  const auto stored = r.get(keys::body(body), store::Space::kBody);
  if (!stored) return stored.error();
  if (!*stored) return Error{Code::kNotFound, "the body is gone"};
  return original(**stored);
}

}  // namespace pabal::mailbox
