#include "mailbox/query_match.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;
using Field = Mailboxes::Term::Field;

bool in_a_row(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::search(all.begin(), all.end(), some.begin(), some.end()) != all.end();
}

bool names_words(const message::Part& part, const std::vector<std::string>& words) {
  return in_a_row(words_of(part.filename()), words) ||
         std::any_of(part.children.begin(), part.children.end(),
                     [&](const message::Part& child) { return names_words(child, words); });
}

}  // namespace

std::optional<Field> index_field(Op op) {
  switch (op) {
    case Op::kText:
      return Field::kAny;
    case Op::kSubject:
      return Field::kSubject;
    case Op::kFrom:
      return Field::kFrom;
    case Op::kTo:
      return Field::kTo;
    case Op::kCc:
      return Field::kCc;
    case Op::kBcc:
    case Op::kList:
    case Op::kMessageId:
      return Field::kHeader;
    case Op::kFilename:
      return Field::kBody;
    case Op::kAttachment:
      return Field::kMark;
    default:
      return {};
  }
}

std::vector<std::string> texts_of(const Query& query, const std::vector<std::string>& me) {
  const bool people = query.op == Op::kFrom || query.op == Op::kTo || query.op == Op::kCc;
  if (people && text::iequals(query.text, "me")) return me;
  return {query.op == Op::kAttachment ? std::string(kWithAttachment.substr(1)) : query.text};
}

std::vector<std::string> words_of(std::string_view utf8) {
  std::vector<std::string> out;
  cut(utf8, [&](const Token& token) {
    out.emplace_back(token.word);
    return true;
  });
  return out;
}

bool is_message_id(std::string_view id, std::string_view asked) {
  const auto bare = [](std::string_view s) {
    if (s.starts_with('<')) s.remove_prefix(1);
    if (s.ends_with('>')) s.remove_suffix(1);
    return s;
  };
  return bare(id) == bare(asked);
}

bool names_file(const message::Part& part, std::string_view asked) { return names_words(part, words_of(asked)); }

bool are_near(const Query& around, std::string_view bytes, const message::Message& structure) {
  const std::vector<std::string> text = words_of(message::all_text(bytes, structure)),
                                 first = words_of(around.children[0].text), second = words_of(around.children[1].text);
  const auto places = [&](const std::vector<std::string>& words) {
    std::vector<size_t> out;
    for (auto at = text.begin();; ++at) {
      at = std::search(at, text.end(), words.begin(), words.end());
      if (at == text.end()) return out;
      out.push_back(static_cast<size_t>(at - text.begin()));
    }
  };
  const std::vector<size_t> a = places(first), b = places(second);
  return std::any_of(a.begin(), a.end(), [&](size_t at) {
    const auto near = std::lower_bound(b.begin(), b.end(), at > around.number ? at - around.number : 0);
    return near != b.end() && *near <= at + around.number;
  });
}

}  // namespace pabal::mailbox
