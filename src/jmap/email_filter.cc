#include "jmap/email_filter.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/email.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"

namespace pabal::jmap {
namespace {

using mailbox::Query;
using Line = mailbox::Overview::Line;

constexpr size_t kMaxTextConditions = 50;  // each is a search

const std::set<std::string_view> kConditions = {"inMailbox",
                                                "inMailboxOtherThan",
                                                "before",
                                                "after",
                                                "minSize",
                                                "maxSize",
                                                "allInThreadHaveKeyword",
                                                "someInThreadHaveKeyword",
                                                "noneInThreadHaveKeyword",
                                                "hasKeyword",
                                                "notKeyword",
                                                "hasAttachment",
                                                "text",
                                                "from",
                                                "to",
                                                "cc",
                                                "bcc",
                                                "subject",
                                                "body",
                                                "header"};

Query negated(Query query) {
  Query out;
  out.op = Query::Op::kNot;
  out.children.push_back(std::move(query));
  return out;
}

Holds sure(bool holds) { return holds ? Holds::kYes : Holds::kNo; }

}  // namespace

std::optional<Keyword> keyword_of(std::string_view given) {
  std::string name = text::lowered(given);
  const auto flags = flags_of({name});
  if (!flags) return {};
  return Keyword{std::move(name), flags->system};
}

// --- threads ---

void ThreadKeywords::count(const Line& line) {
  for (auto& [name, known] : known_) {
    Counts& counts = known.threads[line.thread];
    ++counts.emails;
    counts.with += known.keyword.is_on(line);
  }
}

const ThreadKeywords::Counts* ThreadKeywords::find(mailbox::ThreadId thread, const Keyword& keyword) const {
  const auto known = known_.find(keyword.name);
  if (known == known_.end()) return nullptr;
  const auto found = known->second.threads.find(thread);
  return found == known->second.threads.end() ? nullptr : &found->second;
}

bool ThreadKeywords::all(mailbox::ThreadId thread, const Keyword& keyword) const {
  const Counts* counts = find(thread, keyword);
  return counts && counts->with == counts->emails;
}

bool ThreadKeywords::some(mailbox::ThreadId thread, const Keyword& keyword) const {
  const Counts* counts = find(thread, keyword);
  return counts && counts->with > 0;
}

// --- reading ---

Or<EmailFilter> EmailFilter::read(Call& call, const Filter& filter) {
  EmailFilter out;
  if (const auto failed = out.read(call, filter, out.root_, out.texts_)) return *failed;
  return out;
}

std::optional<Failure> EmailFilter::read(Call& call, const Filter& filter, Node& out, Query& texts) {
  if (filter.op == Filter::Op::kCondition) return read_condition(call, filter.condition, out, texts);
  // None of several: no one of them.
  const bool is_not = filter.op == Filter::Op::kNot;
  out.op = is_not ? Node::Op::kNot : filter.op == Filter::Op::kOr ? Node::Op::kOr : Node::Op::kAnd;
  Query inner;
  inner.op = filter.op == Filter::Op::kAnd ? Query::Op::kAnd : Query::Op::kOr;
  for (const Filter& child : filter.children)
    if (const auto failed = read(call, child, out.children.emplace_back(), inner.children.emplace_back()))
      return failed;
  texts = is_not ? negated(std::move(inner)) : std::move(inner);
  return {};
}

std::optional<Failure> EmailFilter::read_condition(Call& call, const json::object& condition, Node& out, Query& texts) {
  for (const auto& [name, value] : condition)
    if (!kConditions.contains(name))
      return Failure{"unsupportedFilter", "there is no filter \"" + std::string(name) + "\""};
  Fields in(condition);
  using Op = Node::Op;
  const auto add = [&](Op op) -> Node& {
    Node& node = out.children.emplace_back();
    node.op = op;
    return node;
  };
  const auto mailbox = [&](const std::string& id) { return mailbox_of(call.id_of(id)).value_or(0); };
  if (const auto id = in.string("inMailbox")) add(Op::kInMailbox).mailboxes.insert(mailbox(*id));
  if (const auto ids = in.strings("inMailboxOtherThan")) {
    Node& node = add(Op::kBesideMailboxes);
    for (const std::string& id : *ids) node.mailboxes.insert(mailbox(id));
  }
  if (const auto time = in.utc_date("before")) add(Op::kBefore).time = *time;
  if (const auto time = in.utc_date("after")) add(Op::kSince).time = *time;
  if (const auto octets = in.number("minSize")) add(Op::kLarger).octets = *octets;
  if (const auto octets = in.number("maxSize")) add(Op::kSmaller).octets = *octets;
  const auto keyword = [&](const char* name, Op op, bool negate) {
    const auto given = in.string(name);
    if (!given) return;
    const auto known = keyword_of(*given);
    if (!known) return in.note(name);
    Node& node = negate ? add(Op::kNot).children.emplace_back() : add(op);
    node.op = op;
    node.keyword = *known;
    uses_threads_ = uses_threads_ || op != Op::kKeyword;
  };
  keyword("allInThreadHaveKeyword", Op::kAllInThread, false);
  keyword("someInThreadHaveKeyword", Op::kSomeInThread, false);
  keyword("noneInThreadHaveKeyword", Op::kSomeInThread, true);
  keyword("hasKeyword", Op::kKeyword, false);
  keyword("notKeyword", Op::kKeyword, true);
  Query query;
  query.op = Query::Op::kAnd;
  if (const auto failed = read_texts(in, query)) return failed;
  if (const auto bad = in.bad_arguments()) return bad;
  if (query.children.empty()) return {};
  if (++text_conditions_ > kMaxTextConditions)
    return Failure{"unsupportedFilter", "the filter asks for too many texts"};
  texts = query;
  add(Op::kText).query = std::move(query);
  return {};
}

std::optional<Failure> EmailFilter::read_texts(Fields& in, Query& out) {
  constexpr std::pair<const char*, Query::Op> kTexts[] = {
      {"text", Query::Op::kText}, {"from", Query::Op::kFrom}, {"to", Query::Op::kTo},          {"cc", Query::Op::kCc},
      {"bcc", Query::Op::kBcc},   {"body", Query::Op::kBody}, {"subject", Query::Op::kSubject}};
  for (const auto& [name, op] : kTexts) {
    const auto text = in.string(name);
    if (!text) continue;
    auto query = mailbox::text_query(op, *text);
    if (!query) return Failure{"unsupportedFilter", "there are too many words in \"" + std::string(name) + "\""};
    out.children.push_back(std::move(*query));
  }
  if (const auto header = in.strings("header")) {
    Query query;
    query.op = Query::Op::kHeader;
    if (header->empty() || header->size() > 2 || header->front().empty()) {
      in.note("header");
      return {};
    }
    query.name = header->front();
    if (header->size() == 2) query.text = header->back();
    out.children.push_back(std::move(query));
  }
  if (in.value("hasAttachment")) {
    Query query;
    query.op = Query::Op::kAttachment;
    out.children.push_back(in.boolean("hasAttachment", false) ? std::move(query) : negated(std::move(query)));
  }
  return {};
}

// --- asking ---

Result<void> EmailFilter::look_up(Call& call) { return look_up(call, root_); }

Result<void> EmailFilter::look_up(Call& call, Node& node) {
  for (Node& child : node.children)
    if (const auto done = look_up(call, child); !done) return done;
  if (node.op != Node::Op::kText) return {};
  mailbox::QueryScope scope;
  scope.me = {"me"};  // a word like others here
  scope.everywhere = true;
  auto found = mailbox::find(call.services().mailboxes, call.reader(), call.account().id, node.query, scope);
  if (!found) return found.error();
  node.found = std::move(*found);
  return {};
}

void EmailFilter::want(ThreadKeywords& threads) const { want(root_, threads); }

void EmailFilter::want(const Node& node, ThreadKeywords& threads) {
  if (node.op == Node::Op::kAllInThread || node.op == Node::Op::kSomeInThread) threads.want(node.keyword);
  for (const Node& child : node.children) want(child, threads);
}

Holds EmailFilter::holds(const Node& node, const Moment& email, const ThreadKeywords& threads) {
  const Line& line = email.line;
  const auto listed = [&](mailbox::MailboxId id) { return node.mailboxes.contains(id); };
  switch (node.op) {
    case Node::Op::kAnd: {
      Holds least = Holds::kYes;
      for (const Node& child : node.children) {
        least = std::min(least, holds(child, email, threads));
        if (least == Holds::kNo) break;
      }
      return least;
    }
    case Node::Op::kOr:
    case Node::Op::kNot: {
      Holds most = Holds::kNo;
      for (const Node& child : node.children) {
        most = std::max(most, holds(child, email, threads));
        if (most == Holds::kYes) break;
      }
      if (node.op == Node::Op::kOr || most == Holds::kMaybe) return most;
      return sure(most == Holds::kNo);
    }
    case Node::Op::kInMailbox:
      return sure(std::any_of(line.boxes.begin(), line.boxes.end(), listed));
    case Node::Op::kBesideMailboxes:
      return sure(!std::all_of(line.boxes.begin(), line.boxes.end(), listed));
    case Node::Op::kBefore:
      return email.knows_dates ? sure(line.received < node.time) : Holds::kMaybe;
    case Node::Op::kSince:
      return email.knows_dates ? sure(line.received >= node.time) : Holds::kMaybe;
    case Node::Op::kSmaller:
      return email.knows_dates ? sure(line.size < node.octets) : Holds::kMaybe;
    case Node::Op::kLarger:
      return email.knows_dates ? sure(line.size >= node.octets) : Holds::kMaybe;
    case Node::Op::kAllInThread:
      return email.knows_thread ? sure(threads.all(line.thread, node.keyword)) : Holds::kMaybe;
    case Node::Op::kSomeInThread:
      return email.knows_thread ? sure(threads.some(line.thread, node.keyword)) : Holds::kMaybe;
    case Node::Op::kKeyword:
      return email.knows(node.keyword) ? sure(node.keyword.is_on(line)) : Holds::kMaybe;
    case Node::Op::kText:
      if (!email.knows_text) return Holds::kMaybe;
      return sure(std::binary_search(node.found.begin(), node.found.end(), line.id));
  }
  return Holds::kNo;
}

}  // namespace pabal::jmap
