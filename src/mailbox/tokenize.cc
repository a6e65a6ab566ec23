#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr bool is_8bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
constexpr auto kInWord = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = text::is_alnum(static_cast<char>(i)) || i >= 0x80;
  return table;
}();
constexpr bool in_word(char c) { return kInWord[static_cast<unsigned char>(c)]; }

// Lower case of eight ASCII octets at once: whoever hashes the word next reads it in eights as well, and a processor is
// slow to read wide what was written narrow.
uint64_t lowered_eight(uint64_t eight) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t upper = (eight + kEach * (0x80 - 'A')) & ~(eight + kEach * (0x7F - 'Z')) & kEach * 0x80;
  return eight | upper >> 2;
}

enum class Kind : uint8_t { kBetween, kWord, kCjk, kDictionary };

Kind kind_of(UChar32 c) {
  if (c < 0x80) return c >= 0 && text::is_alnum(static_cast<char>(c)) ? Kind::kWord : Kind::kBetween;
  if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x4E00 && c <= 0x9FFF) || c == 0x30FC)
    return Kind::kCjk;  // U+30FC belongs to both kana
  if ((U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK)) == 0) return Kind::kBetween;
  if (c < 0x0E00) return Kind::kWord;
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_HAN:
    case USCRIPT_HANGUL:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_BOPOMOFO:
      return Kind::kCjk;
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return Kind::kDictionary;
    default:
      return Kind::kWord;
  }
}

// At most kMaxWord octets of whole characters.
std::string_view shortened(std::string_view word) {
  if (word.size() <= kMaxWord) return word;
  size_t end = kMaxWord;
  while (end > 0 && (word[end] & 0xC0) == 0x80) --end;
  return word.substr(0, end);
}

class Cutter {
 public:
  explicit Cutter(const VisitToken& visit) : visit_(visit) {}

  // Most mail is ASCII: its words are cut here, 1 ns an octet. ICU sees only stretches with other characters.
  void cut(std::string_view s) {
    for (size_t i = 0; i < s.size() && on_;) {
      if (!in_word(s[i])) {
        ++i;
        continue;
      }
      bool ascii = true;
      const size_t end = word_end(s, i, ascii);
      if (ascii) {
        lowered(s.substr(i, end - i));
        i = end;
      } else {
        const size_t stretch = stretch_end(s, end);
        unicode(s.substr(i, stretch - i));
        i = stretch;
      }
    }
  }

 private:
  static size_t word_end(std::string_view s, size_t i, bool& ascii) {
    for (; i < s.size() && in_word(s[i]); ++i) ascii = ascii && !is_8bit(s[i]);
    return i;
  }
  // Words of one language stand together: one call of ICU for all up to the next ASCII word.
  static size_t stretch_end(std::string_view s, size_t end) {
    constexpr size_t kStretch = 16 << 10;
    for (const size_t start = end; end - start < kStretch;) {
      size_t next = end;
      while (next < s.size() && !in_word(s[next])) ++next;
      bool ascii = true;
      next = word_end(s, next, ascii);
      if (ascii) break;  // also at the end of the text
      end = next;
    }
    return end;
  }

  void emit(std::string_view word, bool cjk = false, bool pair = false) {
    if (on_) on_ = visit_({shortened(word), position_++, cjk, pair});
  }

  void lowered(std::string_view word) {
    std::array<uint64_t, kMaxWord / 8> out;
    word = word.substr(0, kMaxWord);
    for (size_t i = 0; i < word.size(); i += 8) {
      uint64_t eight = 0;
      std::memcpy(&eight, word.data() + i, std::min<size_t>(8, word.size() - i));
      out[i / 8] = lowered_eight(eight);
    }
    emit({reinterpret_cast<const char*>(out.data()), word.size()});
  }

  void unicode(std::string_view s) {
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2* const kFold = icu::Normalizer2::getNFKCCasefoldInstance(error);
    std::string folded;
    icu::StringByteSink<std::string> sink(&folded);
    if (kFold) kFold->normalizeUTF8(0, {s.data(), static_cast<int32_t>(s.size())}, sink, nullptr, error);
    if (!kFold || U_FAILURE(error)) return;
    const auto length = static_cast<int32_t>(folded.size());
    int32_t at = 0, next = 0;
    UChar32 c = 0;
    const auto step = [&] {  // to the character behind `at`
      next = at;
      if (at < length) U8_NEXT(folded.data(), next, length, c);
    };
    for (step(); at < length && on_;) {
      const Kind kind = kind_of(c);
      const int32_t begin = at;
      do {
        at = next;
        step();
      } while (at < length && kind_of(c) == kind);
      const std::string_view run(folded.data() + begin, static_cast<size_t>(at - begin));
      if (kind == Kind::kCjk)
        pairs(run);
      else if (kind == Kind::kDictionary)
        by_dictionary(run);
      else if (kind == Kind::kWord)
        emit(run);
    }
  }

  void pairs(std::string_view run) {
    const auto character = [&](size_t i) {  // its end
      do ++i;
      while (i < run.size() && (run[i] & 0xC0) == 0x80);
      return i;
    };
    for (size_t i = 0; i < run.size() && on_;) {
      const size_t next = character(i);
      const bool pair = next < run.size();
      emit(run.substr(i, (pair ? character(next) : next) - i), true, pair);
      i = next;
    }
  }

  void by_dictionary(std::string_view run) {
    // One iterator a thread: making one is dear.
    thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
      UErrorCode error = U_ZERO_ERROR;
      return std::unique_ptr<icu::BreakIterator>(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
    }();
    if (!iterator) return emit(run);
    const icu::UnicodeString wide = icu::UnicodeString::fromUTF8({run.data(), static_cast<int32_t>(run.size())});
    iterator->setText(wide);
    for (int32_t begin = iterator->first(), end = iterator->next(); end != icu::BreakIterator::DONE && on_;
         begin = end, end = iterator->next()) {
      std::string word;
      wide.tempSubStringBetween(begin, end).toUTF8String(word);
      emit(word);
    }
  }

  const VisitToken& visit_;
  uint32_t position_ = 0;
  bool on_ = true;
};

}  // namespace

void cut(std::string_view utf8, const VisitToken& visit) { Cutter(visit).cut(utf8); }

bool begins_with_word(std::string_view utf8) {
  if (utf8.empty()) return false;
  int32_t at = 0;
  UChar32 c = 0;
  U8_NEXT(utf8.data(), at, static_cast<int32_t>(utf8.size()), c);
  return kind_of(c) != Kind::kBetween;
}

bool ends_with_word(std::string_view utf8) {
  if (utf8.empty()) return false;
  auto at = static_cast<int32_t>(utf8.size());
  UChar32 c = 0;
  U8_PREV(utf8.data(), 0, at, c);
  return kind_of(c) != Kind::kBetween;
}

bool decided_by_words(std::string_view utf8) {
  if (!begins_with_word(utf8) || !ends_with_word(utf8)) return false;
  size_t word = 0;
  bool blank = false;
  for (int32_t at = 0; at < static_cast<int32_t>(utf8.size());) {
    UChar32 c = 0;
    const int32_t start = at;
    U8_NEXT(utf8.data(), at, static_cast<int32_t>(utf8.size()), c);
    if (kind_of(c) == Kind::kBetween && (c != ' ' || blank)) return false;
    blank = c == ' ';
    word = blank ? 0 : word + static_cast<size_t>(at - start);
    if (word > kMaxWord / 2) return false;  // folding may lengthen it
  }
  return true;
}

}  // namespace pabal::mailbox
