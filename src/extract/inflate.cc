#include "extract/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace pabal::extract {

std::string inflate(std::string_view packed, Wrapping wrapping, Budget& budget) {
  std::string out;
  z_stream stream{};
  if (::inflateInit2(&stream, wrapping == Wrapping::kRaw ? -MAX_WBITS : MAX_WBITS) != Z_OK) return out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(std::min<size_t>(packed.size(), std::numeric_limits<uInt>::max()));
  std::array<char, 32 << 10> some;
  for (int state = Z_OK; state == Z_OK && budget.octets > 0;) {
    stream.next_out = reinterpret_cast<Bytef*>(some.data());
    stream.avail_out = static_cast<uInt>(some.size());
    state = ::inflate(&stream, Z_NO_FLUSH);
    const size_t got = std::min(some.size() - stream.avail_out, budget.octets);
    out.append(some.data(), got);
    budget.octets -= got;
    if (got == 0 && stream.avail_in == 0) break;
  }
  ::inflateEnd(&stream);
  return out;
}

}  // namespace pabal::extract
