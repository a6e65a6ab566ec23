#include "mailbox/search.h"

#include <algorithm>
#include <map>
#include <set>

#include "mailbox/impl.h"
#include "mailbox/segment.h"

namespace pabal::mailbox {
namespace {

using Positions = std::vector<uint32_t>;
using Hits = std::map<MessageId, Positions>;  // where a word stands, in each message that has it

constexpr size_t kMaxQueryWords = 100;
constexpr size_t kTierWidth = 8;  // segments of one size before they are merged

std::string_view fields_of(Mailboxes::Term::Field field) {
  switch (field) {
    case Mailboxes::Term::Field::kAny: return "bfst";
    case Mailboxes::Term::Field::kSubject: return "s";
    case Mailboxes::Term::Field::kFrom: return "f";
    case Mailboxes::Term::Field::kTo: return "t";
    case Mailboxes::Term::Field::kBody: return "b";
  }
  return "b";
}

// The words of a term: those that must stand in a row.
struct Wanted {
  std::string word;
  bool prefix = false;
  bool follows = false;  // directly after the one before
};

std::vector<Wanted> wanted_of(const Mailboxes::Term& term) {
  std::vector<Wanted> out;
  const auto tokens = tokenize(term.text, kMaxQueryWords);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool tail_of_run = i > 0 && tokens[i - 1].pair;
    // The last character of a run stands alone in the index; its pair before has it already.
    if (tail_of_run && !tokens[i].pair) continue;
    out.push_back({tokens[i].word, false, (term.phrase && i > 0) || tail_of_run});
  }
  if (!out.empty()) out.back().prefix = term.prefix;
  return out;
}

// Collects the hits of one word of the segments and the tail, in one field.
class Index {
 public:
  static Result<Index> open(const store::Reader& r, AccountId account) {
    auto segments = list_segments(r, account);
    if (!segments) return segments.error();
    Index index(r, account);
    index.segments_ = std::move(*segments);
    bool whole = true;
    const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'w').take()), [&](std::string_view key, std::string_view list) {
      const MessageId id = Decoder(key.substr(6)).u64();
      whole = read_words(list, [&](std::string_view word, const Positions& positions) {
        index.tail_[std::string(word)][id] = positions;
        return true;
      });
      return whole;
    });
    if (!scanned) return scanned.error();
    if (!whole) return damaged("a word list");
    return index;
  }

  Result<Hits> find(char field, const Wanted& wanted) const {
    Hits hits;
    const std::string key = field + wanted.word;
    const auto take = [&](std::string_view, MessageId id, const Positions& positions) {
      Positions& all = hits[id];
      all.insert(all.end(), positions.begin(), positions.end());
    };
    for (const Segment& segment : segments_)
      if (const auto done = read_postings(r_, account_, segment, key, wanted.prefix, take); !done) return done.error();
    for (auto it = tail_.lower_bound(key); it != tail_.end() && (wanted.prefix ? it->first.starts_with(key) : it->first == key); ++it)
      for (const auto& [id, positions] : it->second) take(it->first, id, positions);
    for (auto& [id, positions] : hits) std::sort(positions.begin(), positions.end());
    return hits;
  }

 private:
  Index(const store::Reader& r, AccountId account) : r_(r), account_(account) {}
  const store::Reader& r_;
  AccountId account_;
  std::vector<Segment> segments_;
  std::map<std::string, Hits, std::less<>> tail_;
};

Result<std::set<MessageId>> match(const Index& index, char field, const std::vector<Wanted>& wanted) {
  std::set<MessageId> out;
  Hits current;
  for (size_t i = 0; i < wanted.size(); ++i) {
    auto found = index.find(field, wanted[i]);
    if (!found) return found.error();
    if (i == 0) {
      current = std::move(*found);
      continue;
    }
    Hits next;
    for (auto& [id, positions] : *found) {
      const auto before = current.find(id);
      if (before == current.end()) continue;
      if (wanted[i].follows)
        std::erase_if(positions, [&](uint32_t p) { return p == 0 || !std::binary_search(before->second.begin(), before->second.end(), p - 1); });
      if (!positions.empty()) next[id] = std::move(positions);
    }
    current = std::move(next);
  }
  for (const auto& [id, positions] : current) out.insert(id);
  return out;
}

}  // namespace

Result<std::vector<MessageId>> Mailboxes::search(const store::Reader& r, AccountId account, const std::vector<Term>& terms) const {
  const auto index = Index::open(r, account);
  if (!index) return index.error();
  std::optional<std::set<MessageId>> all;
  for (const Term& term : terms) {
    const auto wanted = wanted_of(term);
    if (wanted.empty()) continue;  // blanks and punctuation only: everything matches
    std::set<MessageId> any;
    for (const char field : fields_of(term.field)) {
      const auto found = match(*index, field, wanted);
      if (!found) return found.error();
      any.insert(found->begin(), found->end());
    }
    if (!all) all = std::move(any);
    else std::erase_if(*all, [&](MessageId id) { return !any.contains(id); });
  }
  std::vector<MessageId> out;
  for (const MessageId id : all.value_or(std::set<MessageId>())) {
    const auto m = message(r, account, id);  // those removed since stay in their segments until a merge
    if (!m) return m.error();
    if (*m && !(*m)->places.empty()) out.push_back(id);
  }
  return out;
}

Result<size_t> Mailboxes::fold(AccountId account, size_t at_most) {
  const auto snapshot = impl_->store.snapshot();
  store::Range range = store::Range::prefix(keys::in_account(account, 'w').take());
  range.limit = at_most;
  const auto waiting = snapshot->list(range);
  if (!waiting) return waiting.error();
  auto segments = list_segments(*snapshot, account);
  if (!segments) return segments.error();

  Postings postings;
  std::vector<std::string> folded;
  for (const store::Entry& entry : *waiting) {
    const MessageId id = Decoder(std::string_view(entry.key).substr(6)).u64();
    if (!read_words(entry.value, [&](std::string_view word, const Positions& positions) {
          postings[std::string(word)].emplace_back(id, positions);
          return true;
        }))
      return damaged("a word list");
    folded.push_back(entry.key);
  }
  // Like sizes together: a merged segment replaces those it was made of.
  std::vector<Segment> merged;
  uint64_t messages = folded.size();
  std::sort(segments->begin(), segments->end(), [](const Segment& a, const Segment& b) { return a.messages < b.messages; });
  for (const Segment& segment : *segments) {
    const size_t like = static_cast<size_t>(std::count_if(segments->begin(), segments->end(), [&](const Segment& s) {
      return s.messages <= std::max<uint64_t>(segment.messages, 1) * kTierWidth && s.messages * kTierWidth >= segment.messages;
    }));
    if (like < kTierWidth && segment.messages > messages) break;
    if (like < kTierWidth && merged.empty() && segment.messages * kTierWidth > messages) continue;
    merged.push_back(segment);
    messages += segment.messages;
  }
  if (folded.empty() && merged.size() < 2) return size_t{0};
  for (const Segment& segment : merged) {
    const auto done = read_all_postings(*snapshot, account, segment, [&](std::string_view word, MessageId id, const Positions& positions) {
      postings[std::string(word)].emplace_back(id, positions);
    });
    if (!done) return done.error();
  }
  for (auto& [word, list] : postings)
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const BuiltSegment built = build_segment(account, impl_->bodies.next(), messages, postings);

  const Result<void> done = impl_->store.transact_and_wait([&](store::Transaction& t) -> Result<void> {
    // What was removed meanwhile (an account, a purged message) is not brought back: its list must still be there.
    for (const std::string& key : folded) t.erase(key);
    for (const Segment& segment : merged) {
      const auto blocks = t.list(store::Range::prefix(segment_prefix(account, segment.id)));
      if (!blocks) return blocks.error();
      if (blocks->empty()) return Error{Code::kConflict, "another merger was faster"};
      for (const store::Entry& block : *blocks) t.erase(block.key);
    }
    const auto state = t.get(keys::state(account));
    if (!state) return state.error();
    if (!*state) return Error{Code::kNotFound, "the account is gone"};
    for (const store::Entry& block : built.entries) t.put(block.key, block.value);
    return {};
  });
  if (!done) return done.error();
  return folded.size();
}

Result<std::vector<AccountId>> Mailboxes::accounts_to_fold(size_t tail_at_least) const {
  std::vector<AccountId> out;
  const auto snapshot = impl_->store.snapshot();
  for (std::string from("A");;) {
    // The next account at all, then its tail: no key of the messages between is read.
    store::Range next{from, "B"};
    next.limit = 1;
    const auto first = snapshot->list(next);
    if (!first) return first.error();
    if (first->empty()) return out;
    const AccountId account = Decoder(std::string_view(first->front().key).substr(1)).u32();
    size_t tail = 0;
    store::Range range = store::Range::prefix(keys::in_account(account, 'w').take());
    range.limit = tail_at_least;
    const auto counted = snapshot->scan(range, [&](std::string_view, std::string_view) { return ++tail < tail_at_least; });
    if (!counted) return counted.error();
    if (tail >= tail_at_least) out.push_back(account);
    from = store::Range::prefix(keys::all_of(account)).end;
    if (from.empty()) return out;
  }
}

}  // namespace pabal::mailbox
