#include "web/compress.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "base/text.h"

namespace pabal::web {
namespace {

// Fast ones: bodies are made for one reader. gzip (RFC 1952): 5 of 9; zstd (RFC 8878): 3 of 19; br (RFC 7932): 4 of 11.
constexpr int kGzipLevel = 5, kZstdLevel = 3, kBrotliLevel = 4;

// A weight in thousandths (RFC 9110 §12.4.2); -1 for what is none.
int weight_of(std::string_view parameters) {
  for (std::string_view part : text::split(parameters, ';')) {
    part = text::trim(part);
    if (!text::istarts_with(part, "q=")) continue;
    part.remove_prefix(2);
    if (part.empty() || part.size() > 5 || (part[0] != '0' && part[0] != '1')) return -1;
    if (part.size() > 1 && part[1] != '.') return -1;
    int weight = (part[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < part.size(); ++i, unit /= 10) {
      if (!text::is_digit(part[i])) return -1;
      weight += (part[i] - '0') * unit;
    }
    return weight > 1000 ? -1 : weight;
  }
  return 1000;
}

std::optional<std::string> gzip(std::string_view body) {
  z_stream z{};
  if (deflateInit2(&z, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};  // 16: RFC 1952
  std::string out(deflateBound(&z, body.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  z.avail_in = static_cast<uInt>(body.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (done != Z_STREAM_END) return {};
  return out;
}

std::optional<std::string> zstd(std::string_view body) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), kZstdLevel);
  if (ZSTD_isError(size)) return {};
  out.resize(size);
  return out;
}

std::optional<std::string> brotli(std::string_view body) {
  std::string out(BrotliEncoderMaxCompressedSize(body.size()), '\0');
  size_t size = out.size();
  if (BrotliEncoderCompress(kBrotliLevel, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, body.size(),
                            reinterpret_cast<const uint8_t*>(body.data()), &size,
                            reinterpret_cast<uint8_t*>(out.data())) != BROTLI_TRUE)
    return {};
  out.resize(size);
  return out;
}

}  // namespace

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::kGzip:
      return "gzip";
    case Coding::kZstd:
      return "zstd";
    case Coding::kBrotli:
      return "br";
    case Coding::kIdentity:
      break;
  }
  return "identity";
}

Coding choose_coding(std::string_view accept_encoding) {
  int identity = -1, gzip = -1, zstd = -1, brotli = -1, others = -1;
  for (const std::string_view part : text::split(accept_encoding, ',')) {
    const size_t semicolon = part.find(';');
    const std::string_view name = text::trim(part.substr(0, semicolon));
    const int weight = weight_of(semicolon == part.npos ? std::string_view() : part.substr(semicolon + 1));
    if (text::iequals(name, "br")) brotli = weight;
    if (text::iequals(name, "zstd")) zstd = weight;
    if (text::iequals(name, "gzip") || text::iequals(name, "x-gzip")) gzip = weight;
    if (text::iequals(name, "identity")) identity = weight;
    if (name == "*") others = weight;
  }
  Coding best = Coding::kIdentity;
  int weight = std::max(identity, 0);
  for (const auto& [coding, given] :
       {std::pair(Coding::kBrotli, brotli), std::pair(Coding::kZstd, zstd), std::pair(Coding::kGzip, gzip)}) {
    const int its = given < 0 ? others : given;
    if (its <= 0 || its < weight || (its == weight && best != Coding::kIdentity)) continue;
    best = coding;
    weight = its;
  }
  return best;
}

std::optional<std::string> compress(std::string_view body, Coding coding) {
  std::optional<std::string> out;
  if (coding == Coding::kGzip) out = gzip(body);
  if (coding == Coding::kZstd) out = zstd(body);
  if (coding == Coding::kBrotli) out = brotli(body);
  if (out && out->size() >= body.size()) out.reset();
  return out;
}

bool is_compressible(std::string_view content_type) {
  const std::string type = text::lowered(text::trim(content_type.substr(0, content_type.find(';'))));
  if (type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml")) return true;
  for (const std::string_view one : {"application/json", "application/javascript", "application/xml",
                                     "application/manifest+json", "application/wasm"})
    if (type == one) return true;
  return false;
}

}  // namespace pabal::web
