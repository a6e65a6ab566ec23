// Search: an inverted index built like a log-structured tree. A delivery writes one value, the message's word list (the
// tail); fold() turns waiting lists into immutable segments of postings with positions and merges segments of a like
// size; a query reads the segments' blocks it needs and the unmerged tail. So what was delivered is found at once.
//
// A word is one octet for its field ('s' subject, 'f' from, 't' to, 'c' cc, 'h' other header fields that people look
// for, 'b' text, 'a' text of attached files) and up to kMaxWord octets of NFKC-casefolded UTF-8. Chinese, Japanese and
// Korean runs are cut into overlapping pairs of characters, so that any part of a run is found; Thai, Lao, Khmer and
// Burmese are cut by ICU's dictionaries; elsewhere letters, marks and digits make words.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

constexpr size_t kMaxWord = 64;             // octets
constexpr size_t kMaxPositions = 50'000;    // words of one message that are indexed
constexpr size_t kMaxSearchText = 1 << 20;  // octets of text of one message that are indexed

// A word of a text. Used for messages and queries alike.
struct Token {
  std::string_view word;
  uint32_t position = 0;
  bool cjk = false;   // of a CJK run: a pair, or the last character of the run alone
  bool pair = false;  // the next token continues the run
  bool ascii = false;
};
// Visits the words of a text in order until false. The views die with the call.
using VisitToken = std::function<bool(const Token&)>;
void cut(std::string_view utf8, const VisitToken& visit);
// Likewise, with the octets of the text that each came of.
void cut_in_place(std::string_view utf8, const std::function<void(const Token&, size_t begin, size_t end)>& visit);

// A word of Latin or Greek letters with accents, without them: "resume" of "résumé". Empty: it has none.
std::string without_accents(std::string_view word);
// Such words are once more in the index without their accents, in a field of their own.
constexpr char plain_field(char field) { return static_cast<char>(field - ('a' - 'A')); }

// The header fields under 'h': all but those of the other fields, of tracing, of signatures and of MIME.
bool is_indexed_field(std::string_view name);
// A string whose substring search the words decide: nothing but words with one blank between them. A blank of it stands
// for whatever parts two words.
bool decided_by_words(std::string_view utf8);
bool begins_with_word(std::string_view utf8);  // its first character is of a word
bool ends_with_word(std::string_view utf8);

// Words of the field '!', which say of a message: a limit left out text of it; it has an attachment.
constexpr std::string_view kCutShort = "!cut", kWithAttachment = "!attachment";

// The words of a message; empty when it has none. Positions are written as gaps, in varints.
std::string word_list(std::string_view bytes, const message::Message& message);
// The words of texts of attached files; empty when they have none.
std::string file_word_list(const std::vector<std::string>& texts);
// The messages whose attached files have `text` as a substring, as far as the words of the index say: oldest first.
// Some may have been removed.
Result<std::vector<MessageId>> find_in_files(const store::Reader& r, AccountId account, std::string_view text);
// Mailboxes::search_substring(), and find_in_files() in the same pass over the index.
Result<std::optional<Mailboxes::Substring>> find_with_files(const store::Reader& r, AccountId account,
                                                            std::string_view text, Mailboxes::Term::Field field,
                                                            std::vector<MessageId>& files);
// Visits the words of a list in order of their first position, until false. False: the list is damaged.
using VisitWord = std::function<bool(std::string_view word, std::string_view positions)>;
bool read_words(std::string_view list, const VisitWord& visit);
std::optional<std::vector<uint32_t>> decode_positions(std::string_view positions);

// The list as the record that waits: compressed once here, it is not again at each flush and compaction of the store,
// which cost more than all the rest of a delivery.
std::string packed(std::string_view list);
std::optional<std::string> unpacked(std::string_view record);
// The record of a message that has the words of another, whose list is folded: a copy.
std::string same_words_as(MessageId another);
std::optional<MessageId> words_of_another(std::string_view record);

}  // namespace pabal::mailbox
