// In stages: what bounds the messages that can match (sets of numbers, hits of the word index); then for a batch of
// rows the cheap keys before the dear ones, with what a stage needs read for the whole batch in one pass.
#include "access/imap/search_run.h"

#include <algorithm>
#include <array>
#include <map>

#include "access/imap/labels.h"
#include "access/imap/limits.h"
#include "access/imap/names.h"
#include "access/imap/object_id.h"
#include "base/codec.h"
#include "base/text.h"
#include "mailbox/message_records.h"
#include "mailbox/probe.h"
#include "mailbox/query.h"
#include "mailbox/search.h"

namespace pabal::access::imap {
namespace {

using mailbox::MessageId;
using mailbox::Probe;
using mailbox::Row;
using mailbox::Uid;
using Op = SearchKey::Op;
using When = SearchKey::When;
using Field = mailbox::Mailboxes::Term::Field;
using Ids = std::vector<MessageId>;

bool has(const Ids& ids, MessageId id) { return std::binary_search(ids.begin(), ids.end(), id); }

bool within(const SearchKey& key, std::chrono::sys_days day) {
  return key.when == When::kBefore ? day < key.day : key.when == When::kOn ? day == key.day : day >= key.day;
}

// What is found out once for the whole search.
struct Facts {
  std::vector<Uid> uids;                                        // kSequence, kUid: those named
  std::optional<Ids> ids;                                       // kGmRaw
  Label label;                                                  // kGmLabel
  std::optional<mailbox::Mailboxes::Substring> indexed;         // of a string: what the words say
  std::optional<message::Needle> needle;                        // of a string
  Ids files;                                                    // kText, kBody: whose attached files have it
  bool decides() const { return indexed && indexed->decided; }  // but for those unsure
};
using AllFacts = std::map<const SearchKey*, Facts>;

bool is_string(Op op) {
  return op == Op::kSubject || op == Op::kAddress || op == Op::kHeader || op == Op::kBody || op == Op::kText;
}

// The field of the word index that has all of what a key looks at.
std::optional<Field> field_of(const SearchKey& key) {
  if (key.op == Op::kText) return Field::kAny;
  if (key.op == Op::kBody) return Field::kBody;
  const std::string name = key.op == Op::kSubject ? "SUBJECT" : text::uppered(key.name);
  if (name == "SUBJECT") return Field::kSubject;
  if (name == "FROM") return Field::kFrom;
  if (name == "TO") return Field::kTo;
  if (name == "CC") return Field::kCc;
  if (mailbox::is_indexed_field(name)) return Field::kHeader;
  return {};
}

enum Stage { kByRow, kByMessage, kBySummary, kByOctets, kStages };

class Search {
 public:
  Search(const SearchJob& job, const store::Reader& r) : job_(job), r_(r) {}

  Result<std::vector<Match>> run() {
    std::vector<Match> found;
    if (job_.uids.count() == 0) return found;
    if (const auto done = learn(job_.key); !done) return done.error();
    bound(job_.key);
    if (first_ > last_ || (only_ && only_->empty())) return found;
    for (const SearchKey& key : job_.key.children) stages_[static_cast<size_t>(stage(key))].push_back(&key);
    // With nothing to read ahead, few candidates at a time stay in the processor's cache.
    if (std::all_of(stages_.begin() + kByRow + 1, stages_.end(), [](const auto& keys) { return keys.empty(); }))
      batch_size_ = 64;
    job_.progress->total = only_ ? static_cast<uint32_t>(only_->size()) : job_.uids.count();
    const auto done = only_ && only_->size() <= kLookedUpOneByOne ? look_up(found) : scan(found);
    if (!done) return done.error();
    return found;
  }

 private:
  static constexpr size_t kLookedUpOneByOne = 1'000;
  static constexpr size_t kBatch = 2'000;

  // A message of the batch under question.
  struct Candidate {
    Row row;
    uint32_t sequence;
    Probe probe;
  };

  // --- what is found out once ---

  std::vector<Uid> named_uids(const SearchKey& key) const {
    std::vector<Uid> out;
    const mailbox::UidMap& uids = job_.uids;
    if (key.op == Op::kUid || key.set.saved) {
      for (const Target& t : targets_by_uid(key.set, uids, job_.saved)) out.push_back(t.uid);
      return out;
    }
    for (const SequenceSet::Range& range : key.set.resolve(uids.count()))  // numbers over the count match nothing
      for (uint32_t n = range.first; n <= std::min(range.last, uids.count()); ++n) out.push_back(uids.at(n));
    return out;
  }

  Result<void> learn(const SearchKey& key) {
    if (key.op == Op::kSequence || key.op == Op::kUid) facts_[&key].uids = named_uids(key);
    if (key.op == Op::kGmRaw) {
      const auto query = mailbox::parse_query(key.text, job_.now);
      if (!query) return Error{Code::kLimit, "the query has too many terms"};
      mailbox::QueryScope scope{{job_.me}, true};
      if (job_.account != job_.reader) scope.only = job_.mailbox;
      auto ids = mailbox::find(job_.mailboxes, r_, job_.account, *query, scope);
      if (!ids) return ids.error();
      facts_[&key].ids = std::move(*ids);
    }
    if (key.op == Op::kGmLabel) {
      auto label = find_label(job_.mailboxes, r_, job_.account, key.text);
      const auto decoded = from_modified_utf7(key.text);
      if (label && !label->starred && label->mailbox == 0 && decoded)
        label = find_label(job_.mailboxes, r_, job_.account, *decoded);
      if (!label) return label.error();
      // What else the owner of a shared mailbox calls a message is his.
      if (job_.account != job_.reader && label->mailbox != job_.mailbox) label->mailbox = 0;
      facts_[&key].label = *label;
    }
    if (is_string(key.op)) {
      facts_[&key].needle.emplace(key.text);
      if (const auto done = ask_words(key, facts_[&key]); !done) return done;
    }
    for (const SearchKey& child : key.children)
      if (const auto done = learn(child); !done) return done;
    return {};
  }

  // In small mailboxes every octet is read: nothing but attached files is left to the words there.
  Result<void> ask_words(const SearchKey& key, Facts& facts) {
    const auto field = field_of(key);
    if (!field || key.text.empty()) return {};
    const bool large = job_.uids.count() > kSubstringSearch, with_files = key.op == Op::kText || key.op == Op::kBody;
    if (large) {
      auto hits = with_files ? mailbox::find_with_files(r_, job_.account, key.text, *field, facts.files)
                             : job_.mailboxes.search_substring(r_, job_.account, key.text, *field);
      if (!hits) return hits.error();
      facts.indexed = std::move(*hits);
    } else if (with_files) {
      auto files = mailbox::find_in_files(r_, job_.account, key.text);
      if (!files) return files.error();
      facts.files = std::move(*files);
    }
    return {};
  }

  // Keys that all matches must have bound what is looked at: "UID 99000:* UNSEEN" reads a thousand rows, not all.
  void bound(const SearchKey& key) {
    if (key.op == Op::kAnd)
      for (const SearchKey& child : key.children) bound(child);
    const auto known = facts_.find(&key);
    if (known == facts_.end()) return;
    const Facts& facts = known->second;
    if (key.op == Op::kSequence || key.op == Op::kUid) {
      first_ = std::max(first_, facts.uids.empty() ? UINT32_MAX : facts.uids.front());
      last_ = std::min(last_, facts.uids.empty() ? 0 : facts.uids.back());
    } else if (facts.indexed || facts.ids) {
      Ids these = facts.ids.value_or(Ids());
      if (facts.indexed) {
        Ids by_words;
        std::set_union(facts.indexed->found.begin(), facts.indexed->found.end(), facts.indexed->unsure.begin(),
                       facts.indexed->unsure.end(), std::back_inserter(by_words));
        std::set_union(by_words.begin(), by_words.end(), facts.files.begin(), facts.files.end(),
                       std::back_inserter(these));
      }
      if (only_) {
        Ids both;
        std::set_intersection(only_->begin(), only_->end(), these.begin(), these.end(), std::back_inserter(both));
        these = std::move(both);
      }
      only_ = std::move(these);
    }
  }

  Stage stage(const SearchKey& key) const {
    Stage highest = kByRow;
    for (const SearchKey& child : key.children) highest = std::max(highest, stage(child));
    if (!key.children.empty()) return highest;
    if (is_string(key.op)) {
      const Facts& facts = facts_.at(&key);
      if (facts.decides() && facts.indexed->unsure.empty()) return kByRow;
    }
    return static_cast<Stage>(cost(key));
  }

  // --- looking ---

  Result<void> look_up(std::vector<Match>& found) {
    std::vector<Uid> uids;
    const auto read = job_.mailboxes.each_message(r_, job_.account, *only_, [&](mailbox::Message&& m) {
      for (const mailbox::Message::Place& place : m.places)
        if (place.mailbox == job_.mailbox && place.uid >= first_ && place.uid <= last_) uids.push_back(place.uid);
    });
    if (!read) return read;
    std::sort(uids.begin(), uids.end());
    for (const Uid uid : uids) {
      const auto row = job_.mailboxes.row(r_, job_.account, job_.mailbox, uid);
      if (!row) return row.error();
      if (*row) take(std::move(**row));
    }
    return judge(found);
  }

  Result<void> scan(std::vector<Match>& found) {
    Result<void> judged;
    const auto scanned = job_.mailboxes.rows(r_, job_.account, job_.mailbox, std::max<Uid>(first_, 1),
                                             std::min(last_, job_.uids.at(job_.uids.count())), [&](const Row& row) {
                                               if (!only_ || has(*only_, row.message)) take(Row(row));
                                               if (batch_.size() >= batch_size_) judged = judge(found);
                                               return judged.ok();
                                             });
    if (!judged) return judged;
    if (!scanned) return scanned;
    return judge(found);
  }

  void take(Row row) {
    const uint32_t sequence = job_.uids.sequence(row.uid);
    if (sequence > 0)
      batch_.push_back({std::move(row), sequence, Probe(job_.mailboxes, r_, job_.account, row.message)});
  }

  Result<void> judge(std::vector<Match>& found) {
    if (job_.progress->stop) return Error{Code::kTimeout, "the search was given up"};
    const auto looked_at = static_cast<uint32_t>(batch_.size());
    for (size_t at = 0; at < kStages; ++at) {
      if (stages_[at].empty()) continue;
      if (const auto done = read_ahead(static_cast<Stage>(at)); !done) return done;
      std::optional<Error> failure;
      std::erase_if(batch_, [&](Candidate& c) {
        const bool fits =
            std::all_of(stages_[at].begin(), stages_[at].end(), [&](const SearchKey* key) { return holds(*key, c); });
        if (c.probe.failure()) failure = c.probe.failure();
        return !fits;
      });
      if (failure) return *failure;
    }
    for (const Candidate& c : batch_) found.push_back({{c.sequence, c.row.uid, c.row.modseq}, c.row.message});
    batch_.clear();
    job_.progress->done += looked_at;
    return {};
  }

  // What all of the batch will be asked is read in one pass.
  Result<void> read_ahead(Stage stage) {
    if (stage != kByMessage && stage != kBySummary) return {};
    std::map<MessageId, Probe*> probes;
    Ids ids;
    for (Candidate& c : batch_) probes[c.row.message] = &c.probe;
    for (const auto& [id, probe] : probes) ids.push_back(id);
    if (stage == kByMessage)
      return job_.mailboxes.each_message(r_, job_.account, ids,
                                         [&](mailbox::Message&& m) { probes.at(m.id)->give(std::move(m)); });
    return job_.mailboxes.each_summary(r_, job_.account, ids, [&](MessageId id, message::Summary&& summary) {
      probes.at(id)->give(std::move(summary));
    });
  }

  // --- one message ---

  bool holds(const SearchKey& key, Candidate& c) const {
    switch (key.op) {
      case Op::kAll:
        return true;
      case Op::kAnd:
        return std::all_of(key.children.begin(), key.children.end(), [&](const SearchKey& k) { return holds(k, c); });
      case Op::kOr:
        return std::any_of(key.children.begin(), key.children.end(), [&](const SearchKey& k) { return holds(k, c); });
      case Op::kNot:
        return !holds(key.children.front(), c);
      case Op::kSequence:
      case Op::kUid: {
        const auto& named = facts_.at(&key).uids;
        return std::binary_search(named.begin(), named.end(), c.row.uid);
      }
      case Op::kFlag:
        return (c.row.flags.system & key.flag) != 0;
      case Op::kKeyword:
        return std::any_of(c.row.flags.keywords.begin(), c.row.flags.keywords.end(),
                           [&](const std::string& k) { return text::iequals(k, key.text); });
      case Op::kModSeq:
        return c.row.modseq >= key.number;
      case Op::kEmail:
        return is_object('E', c.row.message, key.text);
      case Op::kThread:
        return c.probe.message() && is_object('T', c.probe.message()->thread, key.text);
      case Op::kGmRaw:
        return has(*facts_.at(&key).ids, c.row.message);
      case Op::kGmMessage:
        return c.row.message == key.number;
      case Op::kGmThread:
        return c.probe.message() && c.probe.message()->thread == key.number;
      case Op::kGmLabel:
        return c.probe.message() && facts_.at(&key).label.is_on(*c.probe.message());
      case Op::kInternal:
        return c.probe.message() && within(key, std::chrono::floor<std::chrono::days>(c.probe.message()->received));
      case Op::kOlder:  // RFC 5032 §3: by the internal date, to the second
        return c.probe.message() && c.probe.message()->received <= job_.now - seconds(key.number);
      case Op::kYounger:
        return c.probe.message() && c.probe.message()->received >= job_.now - seconds(key.number);
      case Op::kSaved:
        return c.probe.message() &&
               within(key, std::chrono::floor<std::chrono::days>(saved_in(*c.probe.message(), job_.mailbox)));
      case Op::kLarger:
        return c.probe.message() && c.probe.message()->size > key.number;
      case Op::kSmaller:
        return c.probe.message() && c.probe.message()->size < key.number;
      case Op::kSent:
        return sent(key, c.probe.summary());
      case Op::kSubject:
      case Op::kAddress:
      case Op::kHeader:
      case Op::kBody:
      case Op::kText:
        return contains(key, c.probe);
    }
    return false;
  }

  bool is_object(char kind, uint64_t number, const std::string& id) const {
    return id == object_id(kind, number, job_.account, job_.reader);
  }

  // RFC 9051 §6.4.4: the date as written, whatever its zone.
  static bool sent(const SearchKey& key, const message::Summary* summary) {
    if (!summary || !summary->date) return false;
    const Time local = *summary->date + minutes(message::parse_date_zone(summary->date_raw));
    return within(key, std::chrono::floor<std::chrono::days>(local));
  }

  bool contains(const SearchKey& key, Probe& probe) const {
    const Facts& facts = facts_.at(&key);
    if (has(facts.files, probe.id())) return true;
    if (facts.indexed) {
      const bool found = has(facts.indexed->found, probe.id());
      if (found && facts.indexed->decided) return true;
      if (!found && !has(facts.indexed->unsure, probe.id())) return false;
    }
    const message::Needle& needle = *facts.needle;
    switch (key.op) {
      case Op::kSubject:
        return probe.in_subject(needle);
      case Op::kAddress:
        return probe.in_addresses(key.name, needle);
      case Op::kHeader:
        return probe.in_header(key.name, needle);
      case Op::kBody:
        return probe.in_text(needle);
      default:
        return probe.in_whole_header(needle) || probe.in_text(needle);
    }
  }

  const SearchJob& job_;
  const store::Reader& r_;
  AllFacts facts_;
  Uid first_ = 0, last_ = UINT32_MAX;
  std::optional<Ids> only_;  // no other can match
  std::array<std::vector<const SearchKey*>, kStages> stages_;
  std::vector<Candidate> batch_;
  size_t batch_size_ = kBatch;
};

}  // namespace

Result<std::vector<Match>> run(const SearchJob& job, const store::Reader& r) { return Search(job, r).run(); }

Result<void> each_whole(
    const SearchJob& job, const store::Reader& r, std::vector<Match>& matches, Wanted wanted,
    const std::function<void(const Match&, const mailbox::Message&, const message::Summary&)>& visit) {
  constexpr size_t kBatch = 500;
  static const mailbox::Message kNoMessage;
  static const message::Summary kNoSummary;
  struct Whole {
    std::optional<mailbox::Message> message;
    std::optional<message::Summary> summary;
  };
  std::vector<Match> kept;
  for (size_t begin = 0; begin < matches.size(); begin += kBatch) {
    if (job.progress->stop) return Error{Code::kTimeout, "the search was given up"};
    const size_t end = std::min(matches.size(), begin + kBatch);
    Ids ids;
    for (size_t i = begin; i < end; ++i) ids.push_back(matches[i].message);
    std::sort(ids.begin(), ids.end());
    std::vector<Whole> whole(ids.size());  // of each id
    const auto of = [&](MessageId id) -> Whole& {
      return whole[static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin())];
    };
    Result<void> read;
    if (wanted.message)
      read = mailbox::each_message_record(r, job.account, ids,
                                          [&](mailbox::Message&& m) { of(m.id).message = std::move(m); });
    if (read && wanted.summary)
      read = job.mailboxes.each_summary(
          r, job.account, ids, [&](MessageId id, message::Summary&& summary) { of(id).summary = std::move(summary); });
    if (!read) return read;
    for (size_t i = begin; i < end; ++i) {
      const Whole& one = of(matches[i].message);
      if ((wanted.message && !one.message) || (wanted.summary && !one.summary)) continue;
      visit(matches[i], one.message ? *one.message : kNoMessage, one.summary ? *one.summary : kNoSummary);
      kept.push_back(matches[i]);
    }
  }
  matches = std::move(kept);
  return {};
}

void put_in_order(std::vector<Match>& matches, std::vector<std::string>& octets) {
  struct Item {
    uint64_t start;  // the first octets as a number: they decide most comparisons
    uint32_t at;
  };
  std::vector<Item> order;
  order.reserve(matches.size());
  for (uint32_t i = 0; i < matches.size(); ++i) {
    std::string start = octets[i].substr(0, sizeof(uint64_t));
    start.resize(sizeof(uint64_t));
    order.push_back({Decoder(start).u64(), i});
  }
  std::sort(order.begin(), order.end(), [&](const Item& a, const Item& b) {
    if (a.start != b.start) return a.start < b.start;
    const int compared = octets[a.at].compare(octets[b.at]);
    return compared != 0 ? compared < 0 : matches[a.at].target.uid < matches[b.at].target.uid;
  });
  std::vector<Match> sorted;
  std::vector<std::string> sorted_octets;
  sorted.reserve(matches.size());
  sorted_octets.reserve(matches.size());
  for (const auto& [start, i] : order) {
    sorted.push_back(matches[i]);
    sorted_octets.push_back(std::move(octets[i]));
  }
  matches = std::move(sorted);
  octets = std::move(sorted_octets);
}

}  // namespace pabal::access::imap
