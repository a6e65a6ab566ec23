#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include <map>
#include <memory>

#include "base/codec.h"
#include "base/text.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint32_t kGap = 100;  // positions between fields of several values, so that no phrase spans them

bool is_cjk(UChar32 c) {
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(c, &error)) {
    case USCRIPT_HAN: case USCRIPT_HANGUL: case USCRIPT_HIRAGANA: case USCRIPT_KATAKANA: case USCRIPT_BOPOMOFO: return true;
    default: return c == 0x30FC;  // the prolonged sound mark is common to kana
  }
}

class Cutter {
 public:
  Cutter(std::vector<Token>& out, size_t limit) : out_(out), limit_(limit) {}
  bool full() const { return out_.size() >= limit_; }

  // ASCII: letters and digits make words; the measured fast path for most mail.
  void ascii(std::string_view s) {
    for (size_t i = 0; i < s.size() && !full();) {
      if (!text::is_alnum(s[i])) {
        ++i;
        continue;
      }
      size_t end = i;
      while (end < s.size() && text::is_alnum(s[end])) ++end;
      emit(text::lowered(s.substr(i, std::min(end - i, kMaxWord))), false);
      i = end;
    }
  }

  void unicode(std::string_view s) {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
    if (U_FAILURE(error)) return ascii(s);
    const icu::UnicodeString folded = fold->normalize(icu::UnicodeString::fromUTF8({s.data(), static_cast<int32_t>(s.size())}), error);
    if (U_FAILURE(error)) return ascii(s);
    for (int32_t i = 0; i < folded.length() && !full();) {
      const bool cjk = is_cjk(folded.char32At(i));
      int32_t end = i;
      while (end < folded.length() && is_cjk(folded.char32At(end)) == cjk) end = folded.moveIndex32(end, 1);
      cjk ? pairs(folded.tempSubStringBetween(i, end)) : words(folded.tempSubStringBetween(i, end));
      i = end;
    }
  }

 private:
  void emit(std::string word, bool pair) { out_.push_back({std::move(word), position_++, pair}); }

  static std::string utf8(const icu::UnicodeString& s) {
    std::string out;
    s.toUTF8String(out);
    return out;
  }
  void pairs(const icu::UnicodeString& run) {
    for (int32_t i = 0; i < run.length() && !full();) {
      const int32_t next = run.moveIndex32(i, 1), after = run.moveIndex32(next, 1);
      emit(utf8(run.tempSubStringBetween(i, after)), next < run.length());
      i = next;
    }
  }
  void words(const icu::UnicodeString& run) {
    // Boundaries of UAX #29, with ICU's dictionaries for scripts without blanks; one iterator a thread: making one is dear.
    thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
      UErrorCode error = U_ZERO_ERROR;
      return std::unique_ptr<icu::BreakIterator>(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
    }();
    if (!iterator) return ascii(utf8(run));
    iterator->setText(run);
    for (int32_t begin = iterator->first(), end = iterator->next(); end != icu::BreakIterator::DONE && !full(); begin = end, end = iterator->next()) {
      if (iterator->getRuleStatus() < UBRK_WORD_NUMBER) continue;  // blanks and punctuation
      std::string word = utf8(run.tempSubStringBetween(begin, end));
      if (word.size() > kMaxWord) {
        size_t cut = kMaxWord;
        while ((word[cut] & 0xC0) == 0x80) --cut;
        word.resize(cut);
      }
      // "can't" and "example.com" are one word to UAX #29; as the ASCII splitter sees them they are two.
      text::is_ascii(word) ? ascii(word) : emit(std::move(word), false);
    }
  }

  std::vector<Token>& out_;
  const size_t limit_;
  uint32_t position_ = 0;
};

}  // namespace

std::vector<Token> tokenize(std::string_view utf8, size_t limit) {
  std::vector<Token> out;
  Cutter cutter(out, limit);
  text::is_ascii(utf8) ? cutter.ascii(utf8) : cutter.unicode(utf8);
  return out;
}

std::string word_list(std::string_view bytes, const message::Message& m) {
  std::map<std::string, std::vector<uint32_t>> words;
  uint32_t base = 0;
  size_t left = kMaxPositions;
  const auto take = [&](char field, std::string_view utf8) {
    const auto tokens = tokenize(utf8, left);
    left -= tokens.size();
    for (const Token& token : tokens) words[field + token.word].push_back(base + token.position);
    base += (tokens.empty() ? 0 : tokens.back().position) + kGap;
  };
  take('s', message::decode_words(m.summary.subject));
  const auto people = [&](char field, const std::vector<message::AddressItem>& list) {
    for (const message::AddressItem& item : list)
      if (left > 0) take(field, item.display_text() + " " + item.address());
  };
  people('f', m.summary.from);
  people('t', m.summary.to);
  people('t', m.summary.cc);
  take('b', message::all_text(bytes, m, kMaxSearchText));

  // Sorted words share their beginnings.
  Encoder out;
  out.u8(kVersion).varint(words.size());
  std::string_view before;
  for (const auto& [word, positions] : words) {
    size_t shared = 0;
    while (shared < before.size() && shared < word.size() && before[shared] == word[shared]) ++shared;
    out.varint(shared).string(std::string_view(word).substr(shared)).varint(positions.size());
    uint32_t last = 0;
    for (const uint32_t position : positions) {
      out.varint(position - last);
      last = position;
    }
    before = word;
  }
  return words.empty() ? std::string() : out.take();
}

bool read_words(std::string_view list, const VisitWord& visit) {
  Decoder in(list);
  if (in.u8() != kVersion) return false;
  std::string word;
  std::vector<uint32_t> positions;
  for (uint64_t left = in.varint(); left > 0; --left) {
    const uint64_t shared = in.varint();
    const std::string_view rest = in.string();
    const uint64_t count = in.varint();
    if (!in.ok() || shared > word.size() || count > in.rest().size()) return false;
    word.resize(shared);
    word += rest;
    positions.clear();
    uint64_t position = 0;
    for (uint64_t i = 0; i < count; ++i) positions.push_back(static_cast<uint32_t>(position += in.varint()));
    if (!in.ok()) return false;
    if (!visit(word, positions)) return true;
  }
  return in.ok();
}

}  // namespace pabal::mailbox
