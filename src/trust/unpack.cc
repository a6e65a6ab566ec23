#include "trust/unpack.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/text.h"

namespace pabal::trust {
namespace {

const Error kBomb{Code::kLimit, "the compressed file holds more than a report has"};
const Error kBroken{Code::kInvalid, "the compressed file is broken"};

enum class Form { kGzip, kRaw };

Result<std::string> inflate_all(std::string_view packed, Form form) {
  z_stream z{};
  if (::inflateInit2(&z, form == Form::kGzip ? 16 + MAX_WBITS : -MAX_WBITS) != Z_OK)
    return Error{Code::kInternal, "zlib has no memory"};
  const std::unique_ptr<z_stream, decltype(&::inflateEnd)> owner(&z, ::inflateEnd);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  const size_t limit = std::min(kMaxUnpacked, std::max(kFreeOfRatio, packed.size() * kMaxUnpackRatio));
  std::string out;
  char piece[16 << 10];
  while (true) {
    z.next_out = reinterpret_cast<Bytef*>(piece);
    z.avail_out = sizeof piece;
    const int code = ::inflate(&z, Z_NO_FLUSH);
    out.append(piece, sizeof piece - z.avail_out);
    if (out.size() > limit) return kBomb;
    if (code == Z_STREAM_END) {
      // RFC 1952 §2.2: members may follow each other. What else follows is passed over.
      const std::string_view rest(reinterpret_cast<const char*>(z.next_in), z.avail_in);
      if (form == Form::kRaw || !rest.starts_with("\x1F\x8B")) return out;
      if (::inflateReset(&z) != Z_OK) return kBroken;
    } else if (code != Z_OK || (z.avail_in == 0 && z.avail_out > 0)) {
      return kBroken;  // also when it ends too soon
    }
  }
}

// --- zip (PKWARE APPNOTE 6.3): little-endian numbers; an entry is found by the central directory
// ------------------------

std::optional<uint32_t> number(std::string_view in, size_t at, size_t octets) {
  if (at > in.size() || in.size() - at < octets) return {};
  uint32_t out = 0;
  for (size_t i = octets; i > 0; --i) out = out << 8 | static_cast<unsigned char>(in[at + i - 1]);
  return out;
}

struct ZipEntry {
  std::string_view name;
  uint32_t flags = 0, method = 0, crc = 0, packed = 0, size = 0, header = 0;
};

// APPNOTE §4.3.16: the end record, somewhere in the last 64 KiB.
std::optional<size_t> end_of_directory(std::string_view zip) {
  const size_t at = zip.rfind("PK\x05\x06");
  if (at == zip.npos || zip.size() - at < 22 || zip.size() - at > 22 + 0xFFFF) return {};
  return at;
}

Result<ZipEntry> find_entry(std::string_view zip) {
  const auto end = end_of_directory(zip);
  if (!end) return kBroken;
  const uint32_t entries = *number(zip, *end + 10, 2);
  size_t at = *number(zip, *end + 16, 4);
  if (entries > kMaxArchiveEntries) return Error{Code::kLimit, "the zip file has too many entries"};
  std::optional<ZipEntry> found;
  for (uint32_t i = 0; i < entries; ++i) {
    const auto name_size = number(zip, at + 28, 2), extra = number(zip, at + 30, 2), comment = number(zip, at + 32, 2);
    if (!zip.substr(std::min(at, zip.size())).starts_with("PK\x01\x02") || !comment ||
        zip.size() - at < 46 + *name_size)
      return kBroken;
    ZipEntry entry;
    entry.name = zip.substr(at + 46, *name_size);
    entry.flags = *number(zip, at + 8, 2);
    entry.method = *number(zip, at + 10, 2);
    entry.crc = *number(zip, at + 16, 4);
    entry.packed = *number(zip, at + 20, 4);
    entry.size = *number(zip, at + 24, 4);
    entry.header = *number(zip, at + 42, 4);
    at += 46 + *name_size + *extra + *comment;
    const std::string name = text::lowered(entry.name);
    const bool named = name.ends_with(".xml") || name.ends_with(".json");
    if (entries > 1 && (!named || name.starts_with("__macosx/"))) continue;
    if (found) return Error{Code::kInvalid, "the zip file holds several reports"};
    found = entry;
  }
  if (!found) return Error{Code::kInvalid, "the zip file holds no report"};
  return *found;
}

Result<std::string> unzip(std::string_view zip) {
  const auto entry = find_entry(zip);
  if (!entry) return entry.error();
  if (entry->flags & 1) return Error{Code::kUnsupported, "the zip file is encrypted"};
  if (entry->size > kMaxUnpacked) return kBomb;
  const auto name_size = number(zip, size_t{entry->header} + 26, 2), extra = number(zip, size_t{entry->header} + 28, 2);
  if (!extra || !zip.substr(entry->header).starts_with("PK\x03\x04")) return kBroken;
  const size_t from = size_t{entry->header} + 30 + *name_size + *extra;
  if (from > zip.size() || zip.size() - from < entry->packed) return kBroken;
  const std::string_view packed = zip.substr(from, entry->packed);
  if (entry->method != 0 && entry->method != 8)
    return Error{Code::kUnsupported, "the zip file is compressed by method " + std::to_string(entry->method)};
  auto out = entry->method == 0 ? Result<std::string>(std::string(packed)) : inflate_all(packed, Form::kRaw);
  if (!out) return out;
  const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(out->data()), static_cast<uInt>(out->size()));
  if (out->size() != entry->size || crc != entry->crc) return kBroken;
  return out;
}

}  // namespace

Result<std::string> unpack(std::string_view bytes) {
  if (bytes.starts_with("\x1F\x8B")) return inflate_all(bytes, Form::kGzip);
  if (bytes.starts_with("PK\x03\x04")) return unzip(bytes);
  if (bytes.size() > kMaxUnpacked) return kBomb;
  return std::string(bytes);
}

std::string gzip(std::string_view bytes) {
  z_stream z{};
  PABAL_CHECK(::deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  const std::unique_ptr<z_stream, decltype(&::deflateEnd)> owner(&z, ::deflateEnd);
  std::string out(::deflateBound(&z, static_cast<uLong>(bytes.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  PABAL_CHECK(::deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  return out;
}

}  // namespace pabal::trust
