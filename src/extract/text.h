// The text that readers gather: UTF-8, bounded, a blank or a line end where the file parts words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "extract/extract.h"

namespace pabal::extract {

// Appends a character; nothing of what is none.
void put_utf8(std::string& out, uint32_t c);
// UTF-16, big-endian.
std::string utf8_of_utf16(std::string_view octets);
// A character of Windows-1252.
uint32_t windows_1252(uint8_t c);

class Text {
 public:
  bool full() const { return out_.size() >= kMaxText; }
  void add(std::string_view utf8) {
    if (!full()) out_ += utf8.substr(0, kMaxText + 4 - out_.size());  // take() ends it at a character
  }
  void character(uint32_t c) {
    if (!full()) put_utf8(out_, c);
  }
  void part(char blank) {  // ' ' or '\n': not twice
    if (out_.empty() || out_.back() == '\n' || out_.back() == blank) return;
    if (out_.back() == ' ') out_.pop_back();
    out_ += blank;
  }
  bool empty() const { return out_.empty(); }
  std::string take();  // at most kMaxText octets, of whole characters

 private:
  std::string out_;
};

}  // namespace pabal::extract
