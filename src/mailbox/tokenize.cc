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

// Letters that Unicode does not take apart, as people write them without what is special.
struct NotApart {
  UChar32 c;
  std::string_view plain;
};
constexpr NotApart kNotApart[] = {{0xE6, "ae"}, {0xF8, "o"},  {0x111, "d"}, {0x127, "h"},
                                  {0x131, "i"}, {0x142, "l"}, {0x153, "oe"}};

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

  void emit(std::string_view word, bool cjk = false, bool pair = false, bool ascii = false) {
    if (on_) on_ = visit_({shortened(word), position_++, cjk, pair, ascii});
  }

  void lowered(std::string_view word) {
    std::array<uint64_t, kMaxWord / 8> out;
    word = word.substr(0, kMaxWord);
    for (size_t i = 0; i < word.size(); i += 8) {
      uint64_t eight = 0;
      std::memcpy(&eight, word.data() + i, std::min<size_t>(8, word.size() - i));
      out[i / 8] = lowered_eight(eight);
    }
    emit({reinterpret_cast<const char*>(out.data()), word.size()}, false, false, true);
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

namespace {

using Placed = std::vector<std::pair<std::string, std::pair<size_t, size_t>>>;

// The words of a run of one kind, and where they lie in it.
Placed place(std::string_view run, Kind kind) {
  Placed out;
  size_t octets = 0;
  cut(run, [&](const Token& token) {
    out.emplace_back(token.word, std::pair<size_t, size_t>(0, run.size()));
    octets += token.word.size();
    return true;
  });
  if (kind == Kind::kCjk) {
    std::vector<size_t> ends;  // of the characters
    for (size_t i = 1; i <= run.size(); ++i)
      if (i == run.size() || (run[i] & 0xC0) != 0x80) ends.push_back(i);
    if (ends.size() != out.size()) return out;  // folding made more or fewer of them
    for (size_t i = 0; i < out.size(); ++i)
      out[i].second = {i == 0 ? 0 : ends[i - 1], ends[std::min(i + 1, ends.size() - 1)]};
  } else if (octets == run.size()) {
    size_t at = 0;
    for (auto& [word, where] : out) {
      where = {at, at + word.size()};
      at += word.size();
    }
  }
  return out;
}

}  // namespace

void cut_in_place(std::string_view utf8, const std::function<void(const Token&, size_t begin, size_t end)>& visit) {
  const auto length = static_cast<int32_t>(utf8.size());
  uint32_t position = 0;
  int32_t at = 0, next = 0;
  UChar32 c = 0;
  const auto step = [&] {
    next = at;
    if (at < length) U8_NEXT(utf8.data(), next, length, c);
  };
  for (step(); at < length;) {
    if (kind_of(c) == Kind::kBetween) {
      at = next;
      step();
      continue;
    }
    const auto begin = static_cast<size_t>(at);
    Placed placed;
    while (at < length && kind_of(c) != Kind::kBetween) {
      const Kind kind = kind_of(c);
      const auto from = static_cast<size_t>(at);
      do {
        at = next;
        step();
      } while (at < length && kind_of(c) == kind);
      for (auto& [word, where] : place(utf8.substr(from, static_cast<size_t>(at) - from), kind))
        placed.emplace_back(std::move(word), std::pair<size_t, size_t>(where.first + from, where.second + from));
    }
    // Folding may join what runs part: then a word is known to lie in this stretch, and no more.
    const auto end = static_cast<size_t>(at);
    size_t n = 0;
    const uint32_t base = position;
    cut(utf8.substr(begin, end - begin), [&](Token token) {
      const bool same = n < placed.size() && placed[n].first == token.word;
      const auto where = same ? placed[n].second : std::pair<size_t, size_t>(begin, end);
      ++n;
      token.position += base;
      position = token.position + 1;
      visit(token, where.first, where.second);
      return true;
    });
  }
}

std::string without_accents(std::string_view word) {
  if (text::is_ascii(word)) return {};
  UErrorCode error = U_ZERO_ERROR;
  static const icu::Normalizer2* const kApart = icu::Normalizer2::getNFDInstance(error);
  std::string apart, out;
  icu::StringByteSink<std::string> sink(&apart);
  if (kApart) kApart->normalizeUTF8(0, {word.data(), static_cast<int32_t>(word.size())}, sink, nullptr, error);
  if (!kApart || U_FAILURE(error)) return {};
  for (int32_t at = 0; at < static_cast<int32_t>(apart.size());) {
    UChar32 c = 0;
    const int32_t start = at;
    U8_NEXT(apart.data(), at, static_cast<int32_t>(apart.size()), c);
    if (c >= 0x300 && c <= 0x36F) continue;  // combining marks
    const auto whole =
        std::find_if(std::begin(kNotApart), std::end(kNotApart), [&](const auto& n) { return n.c == c; });
    if (whole != std::end(kNotApart)) {
      out += whole->plain;
      continue;
    }
    const bool is_greek = c >= 0x370 && c <= 0x3FF;
    if (c >= 0x80 && !is_greek && (c > 0x24F || c < 0xC0)) return {};
    out.append(apart, static_cast<size_t>(start), static_cast<size_t>(at - start));
  }
  return out == word ? std::string() : out;
}

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
