#include "message/words.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/text.h"
#include "message/decode.h"
#include "message/header.h"
#include "message/message.h"

namespace pabal::message {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Alias {
  std::string_view name, icu;
};
// Where ICU's choice for a label is narrower than what mail under that label holds: the supersets of the WHATWG
// Encoding Standard, and labels ICU does not know. Names without punctuation, in lower case.
constexpr auto kAliases = std::to_array<Alias>({
    {"iso88591", "windows-1252"},
    {"latin1", "windows-1252"},
    {"l1", "windows-1252"},
    {"cp1252", "windows-1252"},
    {"iso88599", "windows-1254"},
    {"latin5", "windows-1254"},
    {"iso885911", "windows-874"},
    {"tis620", "windows-874"},
    {"euckr", "windows-949"},
    {"ksc56011987", "windows-949"},
    {"ksc5601", "windows-949"},
    {"ksc56011992", "windows-949"},
    {"cp949", "windows-949"},
    {"ms949", "windows-949"},
    {"uhc", "windows-949"},
    {"xwindows949", "windows-949"},
    {"korean", "windows-949"},
    {"gb2312", "gb18030"},
    {"gb231280", "gb18030"},
    {"gbk", "gb18030"},
    {"xgbk", "gb18030"},
    {"cp936", "gb18030"},
    {"chinesegb", "gb18030"},
    {"csgb2312", "gb18030"},
    {"shiftjis", "windows-31j"},
    {"sjis", "windows-31j"},
    {"xsjis", "windows-31j"},
    {"mskanji", "windows-31j"},
    {"cp932", "windows-31j"},
    {"xmscp932", "windows-31j"},
    {"iso88598i", "iso-8859-8"},
    {"iso88598e", "iso-8859-8"},
    {"xbig5", "big5"},
    {"unicode11utf7", "utf-7"},
    {"unicode11utf8", "utf-8"},
    {"xutf8", "utf-8"},
    {"utf8mb4", "utf-8"},
    {"xeucjp", "euc-jp"},
    {"xmacroman", "macintosh"},
    {"cp10000", "macintosh"},
    {"iso2022jp", "iso-2022-jp-2"},
});

// Labels that say nothing of the charset.
constexpr std::array<std::string_view, 9> kNoCharset = {"",         "usascii", "ascii", "unknown", "unknown8bit",
                                                        "xunknown", "8bit",    "7bit",  "default"};

struct CloseConverter {
  void operator()(UConverter* c) const { ucnv_close(c); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

// Lower case, letters and digits only: how labels are compared (UTS #22 §1.4).
std::string squeezed(std::string_view charset) {
  std::string out;
  for (char c : charset.substr(0, charset.find('*')))  // RFC 2231 §5: charset*language
    if (text::is_alnum(c)) out += text::lower(c);
  return out;
}

Converter open_converter(std::string_view charset, const std::string& key) {
  std::string name(text::trim(charset.substr(0, charset.find('*'))));
  for (const Alias& alias : kAliases)
    if (alias.name == key) name = alias.icu;
  // A comma would pass options to ICU; other characters are in no charset's name.
  const bool plausible = !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
    return text::is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
  });
  if (!plausible) return nullptr;
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open(name.c_str(), &error));
  return U_SUCCESS(error) ? std::move(converter) : nullptr;
}

// Through UTF-16 in pieces of 8 Ki units, so that memory is the result's.
std::string convert(UConverter* converter, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  std::vector<UChar> buffer(8192);
  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  char16_t high = 0;
  for (;;) {
    UChar* to = buffer.data();
    UErrorCode error = U_ZERO_ERROR;
    ucnv_toUnicode(converter, &to, buffer.data() + buffer.size(), &from, end, nullptr, true, &error);
    for (const UChar* p = buffer.data(); p != to; ++p) {
      const char16_t unit = *p;
      if (high) {
        if (unit >= 0xDC00 && unit <= 0xDFFF) {
          append_utf8(out, 0x10000 + (static_cast<char32_t>(high - 0xD800) << 10) + (unit - 0xDC00));
          high = 0;
          continue;
        }
        out += kReplacement;
        high = 0;
      }
      if (unit >= 0xD800 && unit <= 0xDBFF)
        high = unit;
      else if (unit >= 0xDC00 && unit <= 0xDFFF)
        out += kReplacement;
      else
        append_utf8(out, unit);
    }
    if (error != U_BUFFER_OVERFLOW_ERROR) break;
  }
  if (high) out += kReplacement;
  return out;
}

// Text of no known charset: UTF-8 when it is, else what most old Western mail is.
std::string guessed(std::string_view bytes) {
  if (text::is_utf8(bytes)) return std::string(bytes);
  Converter converter = open_converter("windows-1252", "windows1252");
  return converter ? convert(converter.get(), bytes) : clean_utf8(bytes);
}

// RFC 2047 §4.2.
std::string decode_q(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '_')
      out += ' ';
    else if (s[i] == '=' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
      i += 2;
    } else
      out += s[i];
  }
  return out;
}

struct EncodedWord {
  std::string_view charset;
  bool base64 = false;
  std::string_view content;
  size_t end = 0;  // after "?="
};

constexpr size_t kMaxCharsetBytes = 100;  // no registered name is longer than 45

// The "=?charset?B?" at `at`; the caller finds its end. Nothing when this is no encoded word.
std::optional<EncodedWord> word_head(std::string_view s, size_t at) {
  size_t i = at + 2;
  while (i < s.size() && i - at < kMaxCharsetBytes && s[i] != '?' && static_cast<unsigned char>(s[i]) > ' ') ++i;
  if (i + 2 >= s.size() || s[i] != '?' || s[i + 2] != '?' || i == at + 2) return {};
  const char kind = text::lower(s[i + 1]);
  if (kind != 'b' && kind != 'q') return {};
  return EncodedWord{s.substr(at + 2, i - at - 2), kind == 'b', {}, i + 3};
}

}  // namespace

std::string clean_utf8(std::string_view bytes) {
  if (text::is_utf8(bytes)) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + 16);
  for (size_t i = 0; i < bytes.size();) {
    const unsigned char lead = static_cast<unsigned char>(bytes[i]);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (const std::string_view one = bytes.substr(i, length); one.size() == length && text::is_utf8(one)) {
      out += one;
      i += length;
    } else {
      // One U+FFFD for a character that was cut: its continuation octets go with it.
      out += kReplacement;
      ++i;
      for (size_t k = 1; lead >= 0xC2 && k < length && i < bytes.size() && (bytes[i] & 0xC0) == 0x80; ++k) ++i;
    }
  }
  return out;
}

std::string_view utf8_prefix(std::string_view utf8, size_t limit) {
  if (utf8.size() <= limit) return utf8;
  size_t end = limit;
  while (end > 0 && (utf8[end] & 0xC0) == 0x80) --end;
  return utf8.substr(0, end);
}

bool knows_charset(std::string_view charset) {
  const std::string key = squeezed(charset);
  return key == "utf8" || key == "usascii" || open_converter(charset, key) != nullptr;
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  const std::string key = squeezed(charset);
  if (key == "utf8") {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    return clean_utf8(bytes);
  }
  if (std::find(kNoCharset.begin(), kNoCharset.end(), key) != kNoCharset.end()) return guessed(bytes);
  Converter converter = open_converter(charset, key);
  if (!converter) return guessed(bytes);
  // RFC 1557: the designation stands once, at the start of the message; in parts and headers it is often missing.
  constexpr std::string_view kKoreanDesignation = "\x1B$)C";
  if (key == "iso2022kr") {
    std::string designated(kKoreanDesignation);
    for (size_t at = 0; at < bytes.size();) {
      const size_t next = std::min(bytes.find(kKoreanDesignation, at), bytes.size());
      designated += bytes.substr(at, next - at);
      at = next == bytes.size() ? next : next + kKoreanDesignation.size();
    }
    return convert(converter.get(), designated);
  }
  return convert(converter.get(), bytes);
}

std::string decode_words(std::string_view raw) {
  const std::string s = unfold(raw);
  if (s.find("=?") == s.npos) return guessed(s);
  std::string out, pending;  // pending: octets of adjacent words of one charset
  std::string_view charset;
  size_t plain = 0;  // start of text not yet put out
  bool after_word = false, no_more = false;
  const auto flush = [&] {
    if (!pending.empty()) out += to_utf8(pending, charset);
    pending.clear();
  };
  for (size_t at = s.find("=?"); at != s.npos && !no_more;) {
    std::optional<EncodedWord> word = word_head(s, at);
    const size_t close = word ? s.find("?=", word->end) : s.npos;
    if (word && close == s.npos) no_more = true;  // no later word can end either: keeps this linear
    if (!word || close == s.npos) {
      at = s.find("=?", at + 2);
      continue;
    }
    const std::string_view content = std::string_view(s).substr(word->end, close - word->end);
    const std::string_view between = std::string_view(s).substr(plain, at - plain);
    // RFC 2047 §6.2: blanks between two encoded words are not shown.
    const bool joined = after_word && text::trim(between).empty();
    if (!joined || !text::iequals(charset, word->charset)) flush();
    if (!joined) out += guessed(between);
    charset = word->charset;
    pending += word->base64 ? decode_body(content, "base64") : decode_q(content);
    after_word = true;
    plain = close + 2;
    at = s.find("=?", plain);
  }
  flush();
  out += guessed(std::string_view(s).substr(plain));
  // Decoded words may hold line ends and NULs: they must not come back as new header lines.
  for (char& c : out)
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  return out;
}

namespace {

bool can_stand_plain(std::string_view s) {
  constexpr size_t kMaxWord = 900;  // RFC 5322 §2.1.1: a line has at most 998
  if (s.starts_with(' ') || s.ends_with(' ') || s.find("=?") != s.npos) return false;
  size_t word = 0;
  for (char c : s) {
    if (c < 32 || c >= 127) return false;
    word = c == ' ' ? 0 : word + 1;
    if (word > kMaxWord) return false;
  }
  return true;
}

}  // namespace

std::string encode_word(std::string_view utf8_in, size_t first) {
  if (can_stand_plain(utf8_in)) return std::string(utf8_in);
  const std::string utf8 = clean_utf8(utf8_in);
  const auto safe = [](char c) {  // RFC 2047 §5 (3): the set that is good in a phrase too
    return text::is_alnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
  };
  size_t q_size = 0;
  for (char c : utf8) q_size += safe(c) || c == ' ' ? 1 : 3;
  const bool q = q_size <= (utf8.size() + 2) / 3 * 4;
  constexpr size_t kFrame = 12;                                              // "=?utf-8?Q?" and "?="
  constexpr size_t kContent = 75 - kFrame;                                   // RFC 2047 §2
  size_t room = std::clamp(first, kFrame + 16, kFrame + kContent) - kFrame;  // 16: one character always fits
  std::string out, content;
  std::string word;  // UTF-8 gathered for a B word
  const auto flush = [&] {
    if (!q) content = text::base64(word);
    if (content.empty()) return;
    if (!out.empty()) out += ' ';
    out += (q ? "=?utf-8?Q?" : "=?utf-8?B?") + content + "?=";
    content.clear();
    word.clear();
    room = kContent;
  };
  constexpr char kHex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < utf8.size();) {
    size_t length = 1;
    while (i + length < utf8.size() && (utf8[i + length] & 0xC0) == 0x80) ++length;
    const std::string_view character = std::string_view(utf8).substr(i, length);
    if (q) {
      std::string one;
      for (char c : character) {
        if (c == ' ')
          one += '_';
        else if (safe(c))
          one += c;
        else
          (one += '=', one += kHex[static_cast<unsigned char>(c) >> 4], one += kHex[c & 15]);
      }
      if (content.size() + one.size() > room) flush();
      content += one;
    } else {
      if (word.size() + length > room / 4 * 3) flush();
      word += character;
    }
    i += length;
  }
  flush();
  return out;
}

}  // namespace pabal::message
