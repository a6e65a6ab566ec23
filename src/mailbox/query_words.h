// What a text of a query asks for: which words in a row, and what does as well as people type it. Beside the words
// themselves, unless the text is `exact`:
//   - with or without accents: "resume" also finds "résumé", and the other way about;
//   - Chinese, Japanese or Korean with a blank or a line end in it, and a part of two characters on either side:
//     "회의자료" also finds "회의 자료" (the other way about the pairs of characters do it);
//   - Korean without the particle it is typed with, if at least two syllables are left and the particle suits the sound
//     before it: "보고서를" finds "보고서". Particles that many nouns end with (이, 가, 의, 도, ...), and those behind
//     one syllable, are only taken away where no message has the word as it is typed.
// Words are not reduced to stems: "reports" does not find "report", but "report*" does find both.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/lookup.h"

namespace pabal::mailbox {

struct TextWords {
  Chain words;                     // empty: the text has none
  std::optional<Chain> instead{};  // where no message has those
};
TextWords words_of_text(std::string_view utf8, bool exact, bool prefix);

// Korean without its particle; nothing: it has none that can be told.
struct Stem {
  std::string_view text;
  bool sure = false;
};
std::optional<Stem> without_particle(std::string_view utf8);

// A text with its words and where they lie, so that what the index finds is found in the text.
class WordsInText {
 public:
  explicit WordsInText(std::string_view utf8);
  struct Stretch {
    size_t begin, end;  // octets of the text
  };
  // Where the words of a chain stand in a row; in order.
  std::vector<std::vector<Stretch>> places(const Chain& chain) const;
  bool has(const Chain& chain) const { return !places(chain).empty(); }
  size_t number_of(size_t octet) const;  // of the word that begins there or is the next

 private:
  struct Word {
    std::string word, plain;
    Stretch where;
  };
  bool fits(const Wanted& wanted, const Word& word) const;
  std::vector<Word> words_;  // by position
};

}  // namespace pabal::mailbox
