// Rich Text Format 1.9.1: groups, control words, characters as Windows-1252 or Unicode. Text in other 8-bit charsets is
// found where the file gives it as Unicode too, as today's writers do.
#include <array>
#include <charconv>
#include <vector>

#include "base/text.h"
#include "extract/text.h"

namespace pabal::extract {
namespace {

constexpr size_t kMaxGroups = 1'000;  // within one another

bool is_destination_without_text(std::string_view word) {
  for (const std::string_view known :
       {"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "themedata", "datastore", "listtable",
        "listoverridetable", "rsidtbl", "generator", "fldinst", "latentstyles"})
    if (known == word) return true;
  return false;
}

struct Group {
  bool hidden = false;
  int skip = 1;  // characters that stand for one \u (\ucN)
};

}  // namespace

std::string text_of_rtf(std::string_view in) {
  Text out;
  std::vector<Group> groups(1);
  int to_skip = 0;
  const auto character = [&](uint32_t c) {
    if (to_skip > 0)
      --to_skip;
    else if (!groups.back().hidden)
      out.character(c);
  };
  uint32_t high = 0;
  while (!in.empty() && !out.full()) {
    const char c = in[0];
    in.remove_prefix(1);
    if (c == '{') {
      if (groups.size() > kMaxGroups) break;
      groups.push_back(groups.back());
    } else if (c == '}') {
      if (groups.size() > 1) groups.pop_back();
      to_skip = 0;
    } else if (c == '\r' || c == '\n') {
      continue;
    } else if (c != '\\') {
      character(windows_1252(static_cast<uint8_t>(c)));
    } else if (in.starts_with('\'') && in.size() >= 3) {
      uint8_t octet = 0;
      std::from_chars(in.data() + 1, in.data() + 3, octet, 16);
      in.remove_prefix(3);
      character(windows_1252(octet));
    } else if (in.starts_with('*')) {
      groups.back().hidden = true;  // a destination that readers may not know
      in.remove_prefix(1);
    } else if (!in.empty() && !text::is_alpha(in[0])) {
      character(in[0] == '~' ? ' ' : static_cast<uint8_t>(in[0]));
      in.remove_prefix(1);
    } else {
      size_t end = 0;
      while (end < in.size() && text::is_alpha(in[end])) ++end;
      const std::string_view word = in.substr(0, end);
      in.remove_prefix(end);
      int number = 1;
      const auto parsed = std::from_chars(in.data(), in.data() + std::min<size_t>(in.size(), 10), number);
      in.remove_prefix(static_cast<size_t>(parsed.ptr - in.data()));
      if (in.starts_with(' ')) in.remove_prefix(1);
      if (is_destination_without_text(word)) groups.back().hidden = true;
      if (word == "par" || word == "line" || word == "row" || word == "sect" || word == "page") out.part('\n');
      if (word == "tab" || word == "cell") out.part(' ');
      if (word == "uc") groups.back().skip = std::max(0, std::min(number, 10));
      if (word == "bin" && number > 0) in.remove_prefix(std::min(in.size(), static_cast<size_t>(number)));
      if (word != "u") continue;
      const auto unit = static_cast<uint32_t>(number < 0 ? number + 65'536 : number);
      to_skip = 0;
      if (unit >= 0xD800 && unit < 0xDC00)
        high = unit;
      else if (unit >= 0xDC00 && unit < 0xE000)
        character(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
      else
        character(unit);
      to_skip = groups.back().skip;
    }
  }
  return out.take();
}

}  // namespace pabal::extract
