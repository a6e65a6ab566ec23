// What is done before a transaction, and the stored bodies.
#include <zstd.h>

#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kCompressFrom = 512;   // octets; below, compression costs more than it saves
constexpr int kLevel = 1;             // below 1 the bodies are half again as large for 5 us a message saved
constexpr size_t kMaxBody = 256 << 20;  // decompressed, against a damaged record

// An octet that says how, then the bytes: 0 as they are, 1 zstd.
std::string compressed(std::string_view bytes) {
  if (bytes.size() >= kCompressFrom) {
    thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    std::string out(1 + ZSTD_compressBound(bytes.size()), '\0');
    const size_t size = ZSTD_compressCCtx(context.get(), out.data() + 1, out.size() - 1, bytes.data(), bytes.size(), kLevel);
    if (!ZSTD_isError(size) && size < bytes.size()) {
      out[0] = 1;
      out.resize(1 + size);
      out.shrink_to_fit();
      return out;
    }
  }
  std::string out;
  out.reserve(1 + bytes.size());
  out += '\0';
  return out.append(bytes);
}

Result<std::string> uncompressed(std::string_view stored) {
  if (stored.empty() || stored[0] < 0 || stored[0] > 1) return damaged("a body");
  const bool as_it_is = stored[0] == 0;
  stored.remove_prefix(1);
  if (as_it_is) return std::string(stored);
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxBody) return damaged("a body");
  std::string out(static_cast<size_t>(size), '\0');
  if (ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size()) != size) return damaged("a body");
  return out;
}

}  // namespace

std::shared_ptr<const Prepared> prepare(std::string bytes) {
  auto out = std::make_shared<Prepared>();
  out->structure = message::parse(bytes);
  out->encoded = message::encode(out->structure);
  out->preview = message::preview(bytes, out->structure);
  out->words = word_list(bytes, out->structure);
  out->stored = compressed(bytes);
  out->bytes = std::make_shared<const std::string>(std::move(bytes));
  return out;
}

BodyId Mailboxes::new_body_id() { return impl_->bodies.next(); }

Result<void> Mailboxes::put_body(store::Transaction& t, BodyId body, const Prepared& prepared) {
  t.put(keys::body(body), prepared.stored, store::Space::kBody);
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
  return uncompressed(**stored);
}

}  // namespace pabal::mailbox
