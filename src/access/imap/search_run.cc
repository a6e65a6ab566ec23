#include "access/imap/search_run.h"

#include <algorithm>
#include <map>

#include "access/imap/limits.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using mailbox::MessageId;
using mailbox::Row;
using Op = SearchKey::Op;
using When = SearchKey::When;

bool any_address(const std::vector<message::AddressItem>& list, std::string_view needle) {
  return std::any_of(list.begin(), list.end(), [&](const message::AddressItem& item) {
    return text::icontains(item.display_text() + " <" + item.address() + ">", needle) ||
           text::icontains(item.display, needle);
  });
}

bool within(const SearchKey& key, std::chrono::sys_days day) {
  return key.when == When::kBefore ? day < key.day : key.when == When::kOn ? day == key.day : day >= key.day;
}

// What is found out once for the whole search: sets of numbers as the mailbox stands, and hits of the word index.
struct Facts {
  std::vector<mailbox::Uid> uids;                 // kSequence, kUid: those named
  std::optional<std::vector<MessageId>> indexed;  // kBody, kText
};
using AllFacts = std::map<const SearchKey*, Facts>;

// One message under question. What it needs of the store is read at the first question that wants it.
class Candidate {
 public:
  Candidate(const SearchJob& job, const store::Reader& reader, const AllFacts& facts, const Row& row)
      : job_(job), reader_(reader), facts_(facts), row_(row) {}

  Result<bool> matches(const SearchKey& key) {
    const bool yes = holds(key);
    if (failure_) return *failure_;
    return yes;
  }

 private:
  bool holds(const SearchKey& key) {
    switch (key.op) {
      case Op::kAll:
        return true;
      case Op::kAnd:
        return std::all_of(key.children.begin(), key.children.end(), [&](const SearchKey& k) { return holds(k); });
      case Op::kOr:
        return std::any_of(key.children.begin(), key.children.end(), [&](const SearchKey& k) { return holds(k); });
      case Op::kNot:
        return !holds(key.children.front());
      case Op::kSequence:
      case Op::kUid: {
        const auto& named = facts_.at(&key).uids;
        return std::binary_search(named.begin(), named.end(), row_.uid);
      }
      case Op::kFlag:
        return (row_.flags.system & key.flag) != 0;
      case Op::kKeyword:
        return std::any_of(row_.flags.keywords.begin(), row_.flags.keywords.end(),
                           [&](const std::string& k) { return text::iequals(k, key.text); });
      case Op::kInternal:
        return load_message() && within(key, std::chrono::floor<std::chrono::days>(message_->received));
      case Op::kLarger:
        return load_message() && message_->size > key.number;
      case Op::kSmaller:
        return load_message() && message_->size < key.number;
      case Op::kSent:
        return load_details() && sent(key);
      case Op::kSubject:
        return load_details() && text::icontains(message::decode_words(summary().subject), key.text);
      case Op::kAddress:
        return load_details() && any_address(addresses(key.name), key.text);
      case Op::kHeader:
        return load_details() && header_contains(key);
      case Op::kBody:
      case Op::kText: {
        if (const auto found = facts_.find(&key); found != facts_.end() && found->second.indexed)
          return std::binary_search(found->second.indexed->begin(), found->second.indexed->end(), row_.message);
        return load_details() &&
               (text_contains(details_->structure.root, key.text) || (key.op == Op::kText && head_contains(key.text)));
      }
    }
    return false;
  }

  const message::Summary& summary() const { return details_->structure.summary; }
  const std::vector<message::AddressItem>& addresses(std::string_view field) const {
    return field == "FROM" ? summary().from
           : field == "TO" ? summary().to
           : field == "CC" ? summary().cc
                           : summary().bcc;
  }

  // RFC 9051 §6.4.4: the date as written, whatever its zone.
  bool sent(const SearchKey& key) const {
    if (!summary().date) return false;
    const Time local = *summary().date + minutes(message::parse_date_zone(summary().date_raw));
    return within(key, std::chrono::floor<std::chrono::days>(local));
  }

  bool header_contains(const SearchKey& key) {
    // Threading programs ask for this one by the thousand; it is at hand.
    if (text::iequals(key.name, "Message-ID") && !key.text.empty() && text::icontains(summary().message_id, key.text))
      return true;
    if (!load_head()) return false;
    for (const message::HeaderField& f : message::header_fields(head_))
      if (text::iequals(f.name, key.name) && text::icontains(message::decode_words(f.raw_value), key.text)) return true;
    return false;
  }

  bool head_contains(std::string_view needle) {
    if (!load_head()) return false;
    if (text::icontains(head_, needle)) return true;
    for (const message::HeaderField& f : message::header_fields(head_))
      if (text::icontains(message::decode_words(f.raw_value), needle)) return true;
    return false;
  }

  bool text_contains(const message::Part& part, std::string_view needle) {
    if (part.is_text() && part.children.empty() && load_body() &&
        text::icontains(message::part_text(*body_, part), needle))
      return true;
    return std::any_of(part.children.begin(), part.children.end(),
                       [&](const message::Part& child) { return text_contains(child, needle); });
  }

  // Each is false where the message is gone, or could not be read: then failure_ says so.
  template <typename T>
  bool take(Result<std::optional<T>> found, std::optional<T>& into) {
    if (!found)
      failure_ = found.error();
    else
      into = std::move(*found);
    return into.has_value();
  }
  bool load_message() {
    return message_ || take(job_.mailboxes.message(reader_, job_.account, row_.message), message_);
  }
  bool load_details() {
    return details_ || take(job_.mailboxes.details(reader_, job_.account, row_.message), details_);
  }
  bool load_body() {
    if (body_) return true;
    if (!load_message()) return false;
    auto found = job_.mailboxes.body(reader_, message_->body);
    if (!found && found.code() != Code::kNotFound) failure_ = found.error();
    if (found) body_ = std::move(*found);
    return body_.has_value();
  }
  bool load_head() {
    if (!head_.empty()) return true;
    if (!load_body()) return false;
    head_ = details_->prefix + std::string(details_->structure.root.header(*body_));
    return true;
  }

  const SearchJob& job_;
  const store::Reader& reader_;
  const AllFacts& facts_;
  const Row& row_;
  std::optional<mailbox::Message> message_;
  std::optional<mailbox::Details> details_;
  std::optional<std::string> body_;
  std::string head_;
  std::optional<Error> failure_;
};

std::vector<mailbox::Uid> named_uids(const SearchKey& key, const SearchJob& job) {
  std::vector<mailbox::Uid> out;
  const mailbox::UidMap& uids = job.uids;
  if (key.op == Op::kUid || key.set.saved) {
    for (const Target& t : targets_by_uid(key.set, uids, job.saved)) out.push_back(t.uid);
    return out;
  }
  for (const SequenceSet::Range& r : key.set.resolve(uids.count()))  // numbers over the count match nothing
    for (uint32_t n = r.first; n <= std::min(r.last, uids.count()); ++n) out.push_back(uids.at(n));
  return out;
}

Result<void> learn(const SearchKey& key, const SearchJob& job, const store::Reader& reader, AllFacts& facts) {
  if (key.op == Op::kSequence || key.op == Op::kUid) facts[&key].uids = named_uids(key, job);
  // In large mailboxes the word index answers TEXT and BODY: whole words and the beginnings of the last one.
  if ((key.op == Op::kBody || key.op == Op::kText) && job.uids.count() > kSubstringSearch) {
    mailbox::Mailboxes::Term term;
    term.text = key.text;
    term.phrase = true;
    term.field = key.op == Op::kBody ? mailbox::Mailboxes::Term::Field::kBody : mailbox::Mailboxes::Term::Field::kAny;
    auto hits = job.mailboxes.search(reader, job.account, {term});
    if (!hits) return hits.error();
    facts[&key].indexed = std::move(*hits);
  }
  for (const SearchKey& child : key.children)
    if (const auto done = learn(child, job, reader, facts); !done) return done;
  return {};
}

}  // namespace

Result<std::vector<Target>> run(const SearchJob& job) {
  std::vector<Target> found;
  if (job.uids.count() == 0) return found;
  const auto snapshot = job.store.snapshot();
  AllFacts facts;
  if (const auto done = learn(job.key, job, *snapshot, facts); !done) return done.error();
  // A set that all matches must be in bounds the rows to look at: "UID 99000:* UNSEEN" reads a thousand, not all.
  mailbox::Uid first = 1, last = job.uids.at(job.uids.count());
  for (const SearchKey& key : job.key.children) {
    const auto set = facts.find(&key);
    if (key.op != Op::kSequence && key.op != Op::kUid) continue;
    if (set->second.uids.empty()) return found;
    first = std::max(first, set->second.uids.front());
    last = std::min(last, set->second.uids.back());
  }
  if (first > last) return found;
  std::optional<Error> failure;
  const auto scanned = job.mailboxes.rows(*snapshot, job.account, job.mailbox, first, last, [&](const Row& row) {
    const uint32_t sequence = job.uids.sequence(row.uid);
    if (sequence == 0) return true;
    const auto yes = Candidate(job, *snapshot, facts, row).matches(job.key);
    if (!yes)
      failure = yes.error();
    else if (*yes)
      found.push_back({sequence, row.uid});
    return !failure;
  });
  if (!scanned) return scanned.error();
  if (failure) return *failure;
  return found;
}

}  // namespace pabal::access::imap
