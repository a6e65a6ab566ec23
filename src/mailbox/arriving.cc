#include "mailbox/arriving.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/lookup.h"
#include "mailbox/query_match.h"
#include "mailbox/search.h"
#include "message/casemap.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;
using Words = std::map<std::string_view, std::vector<uint32_t>, std::less<>>;

std::vector<uint32_t> places_of(const Words& words, char field, const Wanted& wanted) {
  std::vector<uint32_t> out;
  const auto take = [&](const std::string& key) {
    for (auto at = words.lower_bound(key); at != words.end() && at->first.starts_with(key); ++at) {
      if (wanted.match == Match::kWhole && at->first != key) break;
      out.insert(out.end(), at->second.begin(), at->second.end());
    }
  };
  take(field + wanted.word);
  for (const Wanted::Other& other : wanted.others) take((other.plain ? plain_field(field) : field) + other.word);
  std::sort(out.begin(), out.end());
  return out;
}

bool stands_in(const Words& words, char field, const Chain& chain) {
  std::vector<uint32_t> ends = places_of(words, field, chain.front());
  for (size_t i = 1; i < chain.size() && !ends.empty(); ++i) {
    const std::vector<uint32_t> next = places_of(words, field, chain[i]);
    std::vector<uint32_t> reached;
    for (const uint32_t end : ends)
      if (std::binary_search(next.begin(), next.end(), end + chain[i].distance))
        reached.push_back(end + chain[i].distance);
    ends = std::move(reached);
  }
  return !ends.empty();
}

}  // namespace

std::string not_at_arrival(const Query& query) {
  if (query.op == Op::kLabel || query.op == Op::kUserLabels || query.op == Op::kMailbox ||
      query.op == Op::kMailboxBeside)
    return "labels and places (in:, label:, has:userlabels)";
  if (query.op == Op::kFlag || query.op == Op::kKeyword || query.op == Op::kThreadAll || query.op == Op::kThreadSome)
    return "flags (is:read, is:starred, category:)";
  for (const Query& child : query.children)
    if (std::string what = not_at_arrival(child); !what.empty()) return what;
  return "";
}

void Arriving::read() {
  if (list_) return;
  list_ = unpacked(prepared_.words).value_or("");
  read_words(*list_, [&](std::string_view word, std::string_view positions) {
    if (auto places = decode_positions(positions)) words_.emplace(word, std::move(*places));
    return true;
  });
}

bool Arriving::has_words(const Query& query) {
  read();
  const std::string_view fields = index_fields(query);
  const std::vector<TextWords> texts = words_of_query(query, me_);
  return std::any_of(texts.begin(), texts.end(), [&](const TextWords& text) {
    return std::any_of(fields.begin(), fields.end(), [&](char one) { return stands_in(words_, one, text.words); });
  });
}

bool Arriving::in_header(std::string_view field, std::string_view text) const {
  const message::Needle needle(text);
  for (const message::HeaderField& one : message::header_fields(prepared_.structure.root.header(*prepared_.bytes)))
    if (text::iequals(one.name, field) && needle.in(message::decode_words(one.raw_value))) return true;
  return false;
}

bool Arriving::holds(const Query& q) {
  switch (q.op) {
    case Op::kAll:
    case Op::kAnywhere:
      return true;
    case Op::kNone:
    case Op::kUserLabels:
    case Op::kFlag:
    case Op::kKeyword:
    case Op::kThreadAll:
    case Op::kThreadSome:
    case Op::kLabel:
    case Op::kMailbox:
    case Op::kMailboxBeside:
      return false;
    case Op::kAnd:
      return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c); });
    case Op::kOr:
      return std::any_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c); });
    case Op::kNot:
      return !holds(q.children.front());
    case Op::kText:
    case Op::kSubject:
    case Op::kFrom:
    case Op::kTo:
    case Op::kCc:
    case Op::kBody:
    case Op::kAttachment:
      return has_words(q);
    case Op::kBcc:
      return has_words(q) && in_header("Bcc", q.text);
    case Op::kHeader:
      return in_header(q.name, q.text);
    case Op::kList:
      return has_words(q) && in_header("List-Id", q.text);
    case Op::kMessageId:
      return is_message_id(prepared_.structure.summary.message_id, q.text);
    case Op::kDeliveredTo:
      return message::Needle(q.text).in(address_) || in_header("Delivered-To", q.text);
    case Op::kFilename:
      return has_words(q) && names_file(prepared_.structure.root, q);
    case Op::kAround:
      return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c); }) &&
             are_near(q, *prepared_.bytes, prepared_.structure);
    case Op::kLarger:
      return prepared_.bytes->size() >= q.number;
    case Op::kSmaller:
      return prepared_.bytes->size() < q.number;
    case Op::kSince:
      return now_ >= q.time;
    case Op::kBefore:
      return now_ < q.time;
  }
  return false;
}

}  // namespace pabal::mailbox
