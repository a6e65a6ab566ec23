// Search snippets (RFC 8621 §5): the subject of a message, and its text around the words of a query, with <mark> around
// what was found and &, < and > escaped. Words are those of the index (query_words.h); all else is the text as it is
// stored, but for blanks and line ends, which become one blank.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mailbox/query.h"
#include "mailbox/query_words.h"

namespace pabal::mailbox {

constexpr size_t kMaxPreview = 255;            // octets, with marks and escapes: RFC 8621 §5
constexpr size_t kMaxSnippetText = 256 << 10;  // octets of a message's text that are looked through

struct Snippet {
  std::optional<std::string> subject;  // the whole of it; nothing: it has none of the words
  std::optional<std::string> preview;  // likewise
};

// What a query looks for in subjects and texts. Terms it negates are not marked.
class SnippetWords {
 public:
  explicit SnippetWords(const Query& query);
  std::optional<std::string> subject(std::string_view utf8) const;
  std::optional<std::string> preview(std::string_view utf8) const;  // its part with the most of them

 private:
  struct Text {
    TextWords words;
    bool in_subject, in_text;
  };
  struct Span {
    size_t begin, end;
    size_t text;  // its number
  };
  void add(const Query& query);
  std::vector<Span> spans(std::string_view utf8, bool subject) const;

  std::vector<Text> texts_;
};

// kNotFound: there is no such message. Reads its body.
Result<Snippet> snippet(const Mailboxes& boxes, const store::Reader& r, AccountId account, MessageId message,
                        const SnippetWords& words);

}  // namespace pabal::mailbox
