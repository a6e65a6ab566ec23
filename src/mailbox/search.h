// Search: an inverted index built like a log-structured tree. A delivery writes one value, the message's word list (the tail);
// fold() turns waiting lists into immutable segments of postings with positions and merges segments of a like size; a query
// reads the segments' blocks it needs and the unmerged tail. So what was delivered is found at once.
//
// A word is one octet for its field ('s' subject, 'f' from, 't' to and cc, 'b' text) and up to kMaxWord octets of NFKC-casefolded
// UTF-8. Chinese, Japanese and Korean runs are cut into overlapping pairs of characters, so that any part of a run is found.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kMaxWord = 64;               // octets
constexpr size_t kMaxPositions = 50'000;      // words of one message that are indexed
constexpr size_t kMaxSearchText = 1 << 20;    // octets of text of one message that are indexed

// The words of a text with their positions, in order of position. Used for messages and queries alike.
struct Token {
  std::string word;
  uint32_t position;
  bool pair = false;  // a pair of a CJK run: the next pair continues it
};
std::vector<Token> tokenize(std::string_view utf8, size_t limit = kMaxPositions);

std::string word_list(std::string_view bytes, const message::Message& message);

// Visits the words of a list in order, with their positions, until false. False: the record is damaged.
using VisitWord = std::function<bool(std::string_view word, const std::vector<uint32_t>& positions)>;
bool read_words(std::string_view list, const VisitWord& visit);

}  // namespace pabal::mailbox
