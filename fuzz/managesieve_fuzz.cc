// room: access
// Octets in pieces to the reader of ManageSieve: it neither crashes nor depends on how they are cut, and what it takes
// is within its limits.
#include <algorithm>

#include "access/managesieve/reader.h"
#include "base/check.h"

namespace {

using namespace pabal::access::managesieve;

std::string all_of(std::string_view octets, size_t piece) {
  Reader reader;
  reader.limit(200, 500);
  std::string out;
  for (size_t at = 0;; at += piece) {
    for (;;) {
      const Reader::State state = reader.next();
      if (state == Reader::State::kNeedMore) break;
      if (state == Reader::State::kTooLong) return out + "TOO LONG";
      out += state == Reader::State::kBad ? "BAD " : state == Reader::State::kTooBig ? "BIG " : "";
      for (const Word& word : reader.take()) {
        PABAL_CHECK(word.text.size() <= 700);
        (out += static_cast<char>('0' + static_cast<int>(word.kind))) += word.text + "|";
      }
      out += "\n";
    }
    if (at >= octets.size()) return out;
    reader.feed(octets.substr(at, piece));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::string whole = all_of(octets, std::max<size_t>(size, 1)), cut = all_of(octets, 1);
  // A line without its end is refused as soon as it is too long, so pieces can be refused earlier.
  if (!whole.ends_with("TOO LONG") && !cut.ends_with("TOO LONG")) PABAL_CHECK(whole == cut);
  return 0;
}
