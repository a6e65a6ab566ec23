#include "mailbox/query_match.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;

bool has_name(const message::Part& part, const Chain& words) {
  return WordsInText(part.filename()).has(words) ||
         std::any_of(part.children.begin(), part.children.end(),
                     [&](const message::Part& child) { return has_name(child, words); });
}

}  // namespace

std::string_view index_fields(const Query& query) {
  switch (query.op) {
    case Op::kText:
      return "abcfhst";
    case Op::kSubject:
      return "s";
    case Op::kFrom:
      return "f";
    case Op::kTo:
      return "t";
    case Op::kCc:
      return "c";
    case Op::kBody:
      return "ab";
    case Op::kHeader:
      return query.text.empty() || !is_indexed_field(query.name) ? "" : "h";
    case Op::kBcc:
    case Op::kList:
    case Op::kMessageId:
      return "h";
    case Op::kFilename:
      return "b";
    case Op::kAttachment:
      return "!";
    default:
      return "";
  }
}

bool is_decided_by_index(Op op) {
  return op == Op::kText || op == Op::kSubject || op == Op::kFrom || op == Op::kTo || op == Op::kCc ||
         op == Op::kBody || op == Op::kAttachment;
}

std::vector<TextWords> words_of_query(const Query& query, const std::vector<std::string>& me) {
  if (query.op == Op::kAttachment) return {{{{std::string(kWithAttachment.substr(1))}}}};
  std::vector<TextWords> out;
  const bool people = query.op == Op::kFrom || query.op == Op::kTo || query.op == Op::kCc;
  for (const std::string& text : people&& text::iequals(query.text, "me") ? me : std::vector{query.text}) {
    TextWords words = words_of_text(text, query.exact || !is_decided_by_index(query.op), query.prefix);
    if (!words.words.empty()) out.push_back(std::move(words));
  }
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

bool names_file(const message::Part& part, const Query& query) {
  return has_name(part, words_of_text(query.text, true, query.prefix).words);
}

bool are_near(const Query& around, std::string_view bytes, const message::Message& structure) {
  const WordsInText text(message::all_text(bytes, structure));
  const auto places = [&](const Query& child) {
    std::vector<size_t> out;
    for (const auto& place : text.places(words_of_text(child.text, child.exact, child.prefix).words))
      out.push_back(text.number_of(place.front().begin));
    return out;
  };
  const std::vector<size_t> a = places(around.children[0]), b = places(around.children[1]);
  return std::any_of(a.begin(), a.end(), [&](size_t at) {
    const auto near = std::lower_bound(b.begin(), b.end(), at > around.number ? at - around.number : 0);
    return near != b.end() && *near <= at + around.number;
  });
}

}  // namespace pabal::mailbox
