#include "mailbox/compress.h"

#include <zstd.h>

#include <memory>

namespace pabal::mailbox {

bool compress(std::string_view bytes, std::string& out) {
  constexpr int kLevel = 1;
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  thread_local std::string room;  // the result is copied out at its size
  room.resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compressCCtx(context.get(), room.data(), room.size(), bytes.data(), bytes.size(), kLevel);
  const bool shorter = !ZSTD_isError(size) && size < bytes.size();
  if (shorter) out.append(room, 0, size);
  if (room.capacity() > (1 << 20)) room = std::string();
  return shorter;
}

bool decompress(std::string_view frame, size_t limit, std::string& out) {
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > limit) return false;
  const size_t had = out.size();
  out.resize(had + static_cast<size_t>(size));
  return ZSTD_decompressDCtx(context.get(), out.data() + had, out.size() - had, frame.data(), frame.size()) == size;
}

std::optional<std::string> decompressed(std::string_view frame, size_t limit) {
  std::string out;
  if (!decompress(frame, limit, out)) return {};
  return out;
}

}  // namespace pabal::mailbox
