#include "mailbox/query_words.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxQueryWords = 100;  // of one text

// --- Korean particles ---

struct Particle {
  std::string_view text;
  enum class After : uint8_t { kAny, kConsonant, kVowel } after = After::kAny;  // how the syllable before it ends
  bool sure = true;                                                             // false: as many nouns end so
};
using After = Particle::After;
// Longer ones before those they end with.
constexpr Particle kParticles[] = {{"에서는", After::kAny},
                                   {"에서도", After::kAny},
                                   {"에서의", After::kAny},
                                   {"으로는", After::kConsonant},
                                   {"으로도", After::kConsonant},
                                   {"으로의", After::kConsonant},
                                   {"으로서", After::kConsonant},
                                   {"으로써", After::kConsonant},
                                   {"이라고", After::kConsonant},
                                   {"이라는", After::kConsonant},
                                   {"에게서", After::kAny},
                                   {"한테서", After::kAny},
                                   {"에서", After::kAny},
                                   {"에게", After::kAny},
                                   {"에는", After::kAny},
                                   {"에도", After::kAny},
                                   {"한테", After::kAny},
                                   {"까지", After::kAny},
                                   {"부터", After::kAny},
                                   {"처럼", After::kAny},
                                   {"보다", After::kAny},
                                   {"마다", After::kAny},
                                   {"조차", After::kAny},
                                   {"으로", After::kConsonant},
                                   {"이나", After::kConsonant},
                                   {"이란", After::kConsonant},
                                   {"라는", After::kVowel},
                                   {"라고", After::kVowel},
                                   {"을", After::kConsonant},
                                   {"를", After::kVowel},
                                   {"은", After::kConsonant},
                                   {"는", After::kVowel},
                                   {"이", After::kConsonant, false},
                                   {"가", After::kVowel, false},
                                   {"과", After::kConsonant, false},
                                   {"와", After::kVowel, false},
                                   {"의", After::kAny, false},
                                   {"에", After::kAny, false},
                                   {"로", After::kAny, false},
                                   {"도", After::kAny, false},
                                   {"만", After::kAny, false},
                                   {"나", After::kVowel, false}};

// The last character: U+AC00 to U+D7A3 are three octets of UTF-8. 0: another.
uint32_t last_syllable(std::string_view s) {
  if (s.size() < 3) return 0;
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(s[s.size() - 3 + i])); };
  if ((at(0) & 0xF0) != 0xE0 || (at(1) & 0xC0) != 0x80 || (at(2) & 0xC0) != 0x80) return 0;
  const uint32_t c = (at(0) & 0xF) << 12 | (at(1) & 0x3F) << 6 | (at(2) & 0x3F);
  return c >= 0xAC00 && c <= 0xD7A3 ? c : 0;
}

bool suits(After after, uint32_t syllable) {
  const uint32_t final = (syllable - 0xAC00) % 28;  // 0: it ends in a vowel
  return after == After::kAny || (after == After::kVowel) == (final == 0);
}

// --- chains ---

void let_do(Wanted& wanted, std::string word, bool plain) {
  Wanted::Other other{std::move(word), plain};
  if (std::find(wanted.others.begin(), wanted.others.end(), other) == wanted.others.end())
    wanted.others.push_back(std::move(other));
}

Chain chain_of(std::string_view utf8, bool exact, bool prefix) {
  Chain out;
  uint32_t position = 0;
  size_t in_run = 0;  // pairs of this run that were taken
  bool run_goes_on = false;
  cut(utf8, [&](const Token& token) {
    const bool continues = run_goes_on;
    run_goes_on = token.pair;
    if (continues && !token.pair) {  // the last character of a run: its pair before has it
      if (!out.empty()) out.back().others.clear();
      return true;
    }
    in_run = continues ? in_run + 1 : 0;
    Wanted wanted{std::string(token.word), token.cjk && !token.pair ? Match::kPrefix : Match::kWhole,
                  out.empty() ? 0 : token.position - position};
    if (!exact && token.pair && in_run > 0) {  // a blank may stand in the middle of it; not of the last one, see above
      size_t first = 1;
      while ((token.word[first] & 0xC0) == 0x80) ++first;
      let_do(wanted, std::string(token.word.substr(0, first)), false);
    } else if (!exact && !token.cjk) {
      const std::string plain = without_accents(token.word);
      if (!plain.empty()) let_do(wanted, plain, false);
      const bool has_letters = token.word.find_first_not_of("0123456789") != token.word.npos;
      if (!plain.empty() || (token.ascii && has_letters)) let_do(wanted, plain.empty() ? wanted.word : plain, true);
    }
    out.push_back(std::move(wanted));
    position = token.position;
    return out.size() < kMaxQueryWords;
  });
  if (!out.empty() && prefix) out.back().match = Match::kPrefix;
  return out;
}

}  // namespace

std::optional<Stem> without_particle(std::string_view utf8) {
  for (const Particle& particle : kParticles) {
    if (!utf8.ends_with(particle.text)) continue;
    const std::string_view stem = utf8.substr(0, utf8.size() - particle.text.size());
    if (stem.empty()) return {};
    if (text::is_alnum(stem.back())) return Stem{stem, true};  // "PDF를"
    const uint32_t last = last_syllable(stem);
    if (last == 0 || !suits(particle.after, last)) continue;
    const bool two = last_syllable(stem.substr(0, stem.size() - 3)) != 0;
    if (!two && (!particle.sure || particle.text.size() < 6)) return {};  // nouns: 가을, 이유에 ...
    return Stem{stem, particle.sure && two};
  }
  return {};
}

TextWords words_of_text(std::string_view utf8, bool exact, bool prefix) {
  while (!utf8.empty() && text::is_wsp(utf8.back())) utf8.remove_suffix(1);
  const bool is_one = utf8.find(' ') == utf8.npos;
  const auto stem = exact || prefix || !is_one ? std::nullopt : without_particle(utf8);
  if (stem && stem->sure) return {chain_of(stem->text, false, false)};
  TextWords out{chain_of(utf8, exact, prefix)};
  if (stem) out.instead = chain_of(stem->text, false, false);
  return out;
}

// --- in a text ---

WordsInText::WordsInText(std::string_view utf8) {
  cut_in_place(utf8, [&](const Token& token, size_t begin, size_t end) {
    words_.push_back({std::string(token.word), {}, {begin, end}});
    if (!token.cjk && !token.ascii) words_.back().plain = without_accents(token.word);
  });
}

bool WordsInText::fits(const Wanted& wanted, const Word& word) const {
  const auto is = [&](std::string_view asked, std::string_view has) {
    switch (wanted.match) {
      case Match::kWhole:
        return has == asked;
      case Match::kPrefix:
        return has.starts_with(asked);
      case Match::kSuffix:
        return has.ends_with(asked);
      case Match::kInside:
        return has.find(asked) != has.npos;
    }
    return false;
  };
  return is(wanted.word, word.word) ||
         std::any_of(wanted.others.begin(), wanted.others.end(), [&](const Wanted::Other& other) {
           return other.plain ? !word.plain.empty() && is(other.word, word.plain) : is(other.word, word.word);
         });
}

std::vector<std::vector<WordsInText::Stretch>> WordsInText::places(const Chain& chain) const {
  std::vector<std::vector<Stretch>> out;
  if (chain.empty()) return out;
  for (size_t first = 0; first < words_.size(); ++first) {
    std::vector<Stretch> found;
    size_t at = first;
    for (const Wanted& wanted : chain) {
      if (!found.empty()) at += wanted.distance;
      if (at >= words_.size() || !fits(wanted, words_[at])) break;
      found.push_back(words_[at].where);
    }
    if (found.size() == chain.size()) out.push_back(std::move(found));
  }
  return out;
}

size_t WordsInText::number_of(size_t octet) const {
  const auto at = std::lower_bound(words_.begin(), words_.end(), octet,
                                   [](const Word& word, size_t o) { return word.where.begin < o; });
  return static_cast<size_t>(at - words_.begin());
}

}  // namespace pabal::mailbox
