#include "mailbox/query_facts.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/impl.h"
#include "mailbox/query_match.h"
#include "mailbox/search.h"
#include "message/casemap.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;

// A mailbox's rows are read before the words are walked when it has less than this part of the account's messages:
// otherwise the newest messages of all soon fill a page.
constexpr uint64_t kSmallPart = 4;

// How Gmail writes the name of a label in a query: lower case, blanks and levels as "-".
std::string label_form(std::string_view name) {
  std::string out = message::casemap(name);
  for (char& c : out)
    if (c == ' ' || c == '/' || c == '_') c = '-';
  return out;
}

std::optional<Role> role_named(std::string_view label) {
  struct Name {
    std::string_view name;
    Role role;
  };
  constexpr Name kNames[] = {{"inbox", Role::kInbox},   {"sent", Role::kSent},           {"draft", Role::kDrafts},
                             {"drafts", Role::kDrafts}, {"spam", Role::kJunk},           {"junk", Role::kJunk},
                             {"trash", Role::kTrash},   {"important", Role::kImportant}, {"archive", Role::kArchive}};
  for (const Name& known : kNames)
    if (text::iequals(known.name, label)) return known.role;
  return {};
}

}  // namespace

uint8_t flag_of(std::string_view keyword) {
  if (text::iequals(keyword, "$seen")) return kSeen;
  if (text::iequals(keyword, "$answered")) return kAnswered;
  if (text::iequals(keyword, "$flagged")) return kFlagged;
  if (text::iequals(keyword, "$draft")) return kDraft;
  return 0;
}

bool has_keyword(const Flags& flags, std::string_view keyword) {
  if (const uint8_t flag = flag_of(keyword)) return (flags.system & flag) != 0;
  return std::any_of(flags.keywords.begin(), flags.keywords.end(),
                     [&](const std::string& k) { return text::iequals(k, keyword); });
}

Result<void> QueryFacts::learn() {
  if (const auto done = learn_mailboxes(); !done) return done;
  ask(query_);
  if (const auto done = lookup_.gather(r_, account_); !done) return done;
  end_ = lookup_.end();
  answer(query_);
  return read_small(query_);
}

Result<void> QueryFacts::learn_mailboxes() {
  auto list = boxes_.list(r_, account_);
  if (!list) return list.error();
  mailboxes_ = std::move(*list);
  if (scope_.only) std::erase_if(mailboxes_, [&](const Mailbox& box) { return box.id != *scope_.only; });
  everywhere_ = scope_.everywhere || names_hidden(query_);
  for (const Mailbox& box : mailboxes_) messages_ += box.messages;
  return {};
}

// Puts the words of all texts into one look-up.
void QueryFacts::ask(const Query& query) {
  if (query.op == Op::kLabel) named_[&query] = named(query.text);
  if (query.op == Op::kMailbox) named_[&query] = query.mailboxes;
  if (const std::string_view fields = index_fields(query); !fields.empty()) {
    auto& asked = asked_[&query];
    for (const TextWords& words : words_of_query(query, scope_.me)) {
      asked.emplace_back();
      for (const char field : fields) {
        asked.back().chains.push_back(lookup_.add(field, words.words));
        if (words.instead) asked.back().instead.push_back(lookup_.add(field, *words.instead));
      }
    }
  }
  for (const Query& child : query.children) ask(child);
}

IdSet QueryFacts::found(const std::vector<size_t>& fields) const {
  IdSet out(end_);
  for (const size_t chain : fields) out.join(lookup_.set(chain));
  return out;
}

void QueryFacts::answer(const Query& query) {
  if (const auto asked = asked_.find(&query); asked != asked_.end()) {
    IdSet& any = sets_[&query] = IdSet(end_);
    for (const Asked& one : asked->second) {
      IdSet these = found(one.chains);
      if (!one.instead.empty() && these.empty()) these = found(one.instead);
      any.join(these);
    }
  }
  for (const Query& child : query.children) answer(child);
}

Result<void> QueryFacts::read_small(const Query& query) {
  if (const auto named = named_.find(&query); named != named_.end()) {
    uint64_t rows = 0;
    for (const Mailbox& box : mailboxes_)
      if (std::find(named->second.begin(), named->second.end(), box.id) != named->second.end()) rows += box.messages;
    if (rows <= messages_ / kSmallPart) {
      IdSet in(end_);
      for (const Mailbox& box : mailboxes_) {
        if (std::find(named->second.begin(), named->second.end(), box.id) == named->second.end()) continue;
        const auto read = boxes_.rows(r_, account_, box.id, 1, UINT32_MAX, [&](const Row& row) {
          in.add(row.message);
          return true;
        });
        if (!read) return read;
      }
      sets_[&query] = std::move(in);
    }
  }
  for (const Query& child : query.children)
    if (const auto done = read_small(child); !done) return done;
  return {};
}

bool QueryFacts::is_of_rows(const Query& query) {
  switch (query.op) {
    case Op::kAll:
    case Op::kAnywhere:
    case Op::kNone:
    case Op::kFlag:
    case Op::kKeyword:
    case Op::kUserLabels:
    case Op::kMailboxBeside:
    case Op::kLabel:
    case Op::kMailbox:
      return true;
    case Op::kAnd:
    case Op::kOr:
    case Op::kNot:
      return std::all_of(query.children.begin(), query.children.end(), is_of_rows);
    default:
      return false;
  }
}

// What a row, or the mailbox it stands in, decides.
struct QueryFacts::RowLeaf {
  const Query* query;
  IdSet* set;
  uint8_t flag;             // 0: it asks for none
  bool in_mailbox = false;  // all that are in the mailbox whose rows are read

  bool fits(const Row& row) const {
    if (flag != 0) return (row.flags.system & flag) != 0;
    if (query->op == Op::kKeyword) return !row.flags.keywords.empty() && has_keyword(row.flags, query->text);
    return in_mailbox;
  }
};

void QueryFacts::collect(const Query& query, std::vector<RowLeaf>& leaves) {
  if (query.op == Op::kFlag || query.op == Op::kKeyword || query.op == Op::kUserLabels ||
      query.op == Op::kMailboxBeside || named_.contains(&query)) {
    IdSet& set = sets_[&query] = IdSet(end_);
    leaves.push_back({&query, &set, query.op == Op::kKeyword ? flag_of(query.text) : query.flag});
  }
  for (const Query& child : query.children) collect(child, leaves);
}

Result<void> QueryFacts::read_rows() {
  visible_ = IdSet(end_);
  std::vector<RowLeaf> leaves;
  collect(query_, leaves);
  for (const Mailbox& box : mailboxes_) {
    const auto lists = [&](const std::vector<MailboxId>& ids) {
      return std::find(ids.begin(), ids.end(), box.id) != ids.end();
    };
    for (RowLeaf& leaf : leaves) {
      const auto named = named_.find(leaf.query);
      leaf.in_mailbox = (named != named_.end() && lists(named->second)) ||
                        (leaf.query->op == Op::kUserLabels && box.role == Role::kNone) ||
                        (leaf.query->op == Op::kMailboxBeside && !lists(leaf.query->mailboxes));
    }
    const bool hidden = is_hidden(box.role);
    const auto read = boxes_.rows(r_, account_, box.id, 1, UINT32_MAX, [&](const Row& row) {
      if (!hidden) visible_.add(row.message);
      for (const RowLeaf& leaf : leaves)
        if (leaf.fits(row)) leaf.set->add(row.message);
      return true;
    });
    if (!read) return read;
  }
  rows_read_ = true;
  return {};
}

QueryFacts::Bounds QueryFacts::bounds() const {
  Bounds out = bounds_of(query_);
  if (!rows_read_) return out;
  if (out.set)
    out.set->keep(visible_);
  else
    out.set = visible_;
  return out;
}

QueryFacts::Bounds QueryFacts::bounds_of(const Query& query) const {
  switch (query.op) {
    case Op::kAll:
    case Op::kAnywhere:
      return {{}, true};
    case Op::kNone:
      return {IdSet(end_), true};
    case Op::kNot: {
      Bounds inner = bounds_of(query.children.front());
      if (!inner.exact) return {};
      if (!inner.set) return {IdSet(end_), true};
      inner.set->invert();
      return inner;
    }
    case Op::kAnd:
    case Op::kAround: {
      Bounds out{{}, query.op == Op::kAnd};
      for (const Query& child : query.children) {
        Bounds inner = bounds_of(child);
        out.exact = out.exact && inner.exact;
        if (inner.set && out.set) out.set->keep(*inner.set);
        if (inner.set && !out.set) out.set = std::move(inner.set);
      }
      return out;
    }
    case Op::kOr: {
      Bounds out{IdSet(end_), true};
      for (const Query& child : query.children) {
        const Bounds inner = bounds_of(child);
        if (!inner.set && inner.exact) return {{}, true};
        out.exact = out.exact && inner.exact;
        if (!inner.set) out.set.reset();
        if (inner.set && out.set) out.set->join(*inner.set);
      }
      return out;
    }
    default: {
      const auto set = sets_.find(&query);
      if (set == sets_.end()) return {};
      return {set->second, is_decided_by_index(query.op) || index_fields(query).empty()};
    }
  }
}

bool QueryFacts::has(const Query& leaf, MessageId id) const {
  const auto set = sets_.find(&leaf);
  return set != sets_.end() && set->second.has(id);
}

std::vector<MailboxId> QueryFacts::named(std::string_view label) const {
  std::vector<MailboxId> out;
  const auto role = role_named(label);
  const std::string form = label_form(label);
  for (const Mailbox& box : mailboxes_)
    if ((role && box.role == *role) || label_form(box.name) == form) out.push_back(box.id);
  return out;
}

// Gmail looks into Trash and Spam only where they are named.
bool QueryFacts::names_hidden(const Query& query) const {
  if (query.op == Op::kAnywhere) return true;
  if (query.op == Op::kLabel) {
    const auto role = role_named(query.text);
    if (role == Role::kTrash || role == Role::kJunk) return true;
  }
  return std::any_of(query.children.begin(), query.children.end(), [&](const Query& q) { return names_hidden(q); });
}

Role QueryFacts::role_of(MailboxId id) const {
  const auto box = std::find_if(mailboxes_.begin(), mailboxes_.end(), [&](const Mailbox& b) { return b.id == id; });
  return box == mailboxes_.end() ? Role::kNone : box->role;
}

bool QueryFacts::is_visible(const Message& m) const {
  return std::any_of(m.places.begin(), m.places.end(),
                     [&](const Message::Place& place) { return !is_hidden(role_of(place.mailbox)); });
}

}  // namespace pabal::mailbox
