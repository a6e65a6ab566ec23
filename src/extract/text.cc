#include "extract/text.h"

namespace pabal::extract {

void put_utf8(std::string& out, uint32_t c) {
  const auto more = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    more(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    more(6);
    more(0);
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    more(12);
    more(6);
    more(0);
  }
}

std::string utf8_of_utf16(std::string_view octets) {
  std::string out;
  uint32_t high = 0;
  for (size_t i = 0; i + 1 < octets.size(); i += 2) {
    const uint32_t unit =
        static_cast<uint32_t>(static_cast<unsigned char>(octets[i])) << 8 | static_cast<unsigned char>(octets[i + 1]);
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
    } else if (unit >= 0xDC00 && unit < 0xE000) {
      if (high != 0) put_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
      high = 0;
    } else {
      put_utf8(out, unit);
      high = 0;
    }
  }
  return out;
}

uint32_t windows_1252(uint8_t c) {
  static constexpr uint16_t kUpper[] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                        0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                        0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                        0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};
  return c >= 0x80 && c < 0xA0 ? kUpper[c - 0x80] : c;
}

std::string Text::take() {
  if (out_.size() > kMaxText) {
    size_t end = kMaxText;
    while (end > 0 && (out_[end] & 0xC0) == 0x80) --end;
    out_.resize(end);
  }
  return std::move(out_);
}

}  // namespace pabal::extract
