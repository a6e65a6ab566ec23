// The background merger of the search: waiting word lists become a segment, segments of a like size become one. What is
// in a segment is never changed; a merge writes a new one block by block and puts its directory in the same transaction
// that removes the old ones, so that a reader sees the one or the others.
#include <algorithm>
#include <deque>
#include <unordered_map>

#include "mailbox/impl.h"
#include "mailbox/search.h"
#include "mailbox/segment.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kTierWidth = 8;            // segments of one size before they become one of the next
constexpr size_t kOctetsACommit = 1 << 20;  // of blocks that are written ahead of a merge's end

size_t tier_of(const Segment& segment) {
  size_t tier = 0;
  for (uint64_t n = segment.messages; n >= kTierWidth; n /= kTierWidth) ++tier;
  return tier;
}

class Folder {
 public:
  Folder(const Mailboxes& boxes, store::Store& store, IdSource& ids, AccountId account)
      : boxes_(boxes), store_(store), ids_(ids), account_(account) {}

  // Makes a segment of up to `at_most` waiting lists, and gives how many. `lists`: tail_of().
  Result<size_t> take_tail(size_t at_most, char lists_of) {
    const auto snapshot = store_.snapshot();
    auto tail = tail_of(*snapshot, account_, lists_of);
    if (!tail) return tail.error();
    tail->limit = at_most;
    const auto waiting = snapshot->list(*tail);
    if (!waiting) return waiting.error();
    if (waiting->empty()) return size_t{0};

    std::unordered_map<std::string_view, std::vector<Posting>> postings;
    std::deque<std::string> lists;  // own what the postings see
    Write write;
    for (const store::Entry& entry : *waiting) {
      const MessageId id = Decoder(std::string_view(entry.key).substr(6)).u64();
      if (words_of_another(entry.value)) {
        auto again = words_again(*snapshot, id);
        if (!again) return again.error();
        lists.push_back(std::move(*again));
      } else {
        auto list = unpacked(entry.value);
        if (!list) return damaged("a word list");
        lists.push_back(std::move(*list));
      }
      const auto take = [&](std::string_view word, std::string_view positions) {
        postings[word].push_back({id, positions});  // lists come by message
        return true;
      };
      if (!read_words(lists.back(), take)) return damaged("a word list");
      write.erased.push_back(entry.key);
    }
    std::vector<std::string_view> words;
    words.reserve(postings.size());
    for (const auto& [word, list] : postings) words.push_back(word);
    std::sort(words.begin(), words.end());
    write.made = ids_.next();
    SegmentWriter writer(account_, *write.made);
    for (const std::string_view word : words) writer.add(word, postings[word]);
    write.put = writer.finish(waiting->size());
    const MessageId last = Decoder(std::string_view(waiting->back().key).substr(6)).u64();
    write.put.push_back({keys::first_waiting(account_, lists_of), Encoder().u64(last + 1).take()});
    if (const auto done = commit(write); !done) return done.error();
    return waiting->size();
  }

  // Merges the segments of the smallest full tier; false: none is full.
  Result<bool> merge() {
    const auto snapshot = store_.snapshot();
    const auto segments = scan_segments(*snapshot, account_);
    if (!segments) return segments.error();
    std::vector<std::vector<Segment>> tiers;
    for (const Segment& segment : *segments) {
      if (!segment.whole) {
        if (const auto done = drop(*snapshot, segment); !done) return done.error();
        continue;
      }
      const size_t tier = tier_of(segment);
      if (tiers.size() <= tier) tiers.resize(tier + 1);
      tiers[tier].push_back(segment);
    }
    const auto full =
        std::find_if(tiers.begin(), tiers.end(), [](const auto& tier) { return tier.size() >= kTierWidth; });
    if (full == tiers.end()) return false;
    if (const auto done = merge(*snapshot, *full); !done) return done.error();
    return true;
  }

 private:
  struct Write {
    std::vector<std::string> erased;
    std::vector<store::Entry> put;
    std::optional<uint64_t> made{};  // a segment that is whole now,
    std::vector<uint64_t> gone{};    // and those it takes the place of
  };
  Result<void> commit(const Write& write) {
    return store_.transact_and_wait([&](store::Transaction& t) -> Result<void> {
      if (const auto state = need_state(t, account_); !state) return state.error();  // a removed account is left alone
      if (write.made)
        if (const auto listed = change_list(t, account_, write.gone, *write.made); !listed) return listed;
      for (const std::string& key : write.erased) t.erase(key);
      for (const store::Entry& entry : write.put) t.put(entry.key, entry.value);
      return {};
    });
  }

  // The words of a copy, whose list was not copied: from its text, as prepare() did.
  Result<std::string> words_again(const store::Reader& r, MessageId id) const {
    const auto m = need_message(r, account_, id);
    if (!m) return m.error();
    const auto d = boxes_.details(r, account_, id);
    if (!d) return d.error();
    const auto bytes = boxes_.body(r, m->body);
    if (!bytes) return bytes.error();
    return *d ? word_list(*bytes, (*d)->structure) : std::string();
  }

  Result<void> merge(const store::Reader& r, const std::vector<Segment>& old) {
    std::vector<MessageId> live;  // what was purged is left out
    const auto scanned = r.scan(store::Range::prefix(keys::in_account(account_, 'm').take()),
                                [&](std::string_view key, std::string_view) {
                                  live.push_back(Decoder(key.substr(6)).u64());
                                  return true;
                                });
    if (!scanned) return scanned;
    const uint64_t made = ids_.next();
    SegmentWriter writer(account_, made);
    std::deque<SegmentCursor> cursors;
    std::vector<SegmentCursor*> at;  // those with a word
    uint64_t messages = 0;
    const auto advance = [](SegmentCursor& cursor, std::vector<SegmentCursor*>& into) -> Result<void> {
      const auto more = cursor.next();
      if (!more) return more.error();
      if (*more) into.push_back(&cursor);
      return {};
    };
    for (const Segment& segment : old) {
      messages += segment.messages;
      if (const auto done = advance(cursors.emplace_back(r, account_, segment), at); !done) return done;
    }
    std::vector<Posting> postings;
    while (!at.empty()) {
      std::string_view word = at.front()->word();
      for (const SegmentCursor* cursor : at) word = std::min(word, cursor->word());
      postings.clear();
      std::vector<SegmentCursor*> next, having;
      for (SegmentCursor* cursor : at) (cursor->word() == word ? having : next).push_back(cursor);
      for (const SegmentCursor* cursor : having)
        if (!cursor->postings(postings)) return damaged("a search segment");
      std::erase_if(postings,
                    [&](const Posting& p) { return !std::binary_search(live.begin(), live.end(), p.message); });
      std::sort(postings.begin(), postings.end(),
                [](const Posting& a, const Posting& b) { return a.message < b.message; });
      writer.add(word, postings);
      for (SegmentCursor* cursor : having)
        if (const auto done = advance(*cursor, next); !done) return done;
      at = std::move(next);
      if (writer.octets_waiting() < kOctetsACommit) continue;
      if (const auto done = commit({{}, writer.take_blocks()}); !done) return done;
    }
    Write last{{}, writer.finish(std::min<uint64_t>(messages, live.size())), made};
    for (const Segment& segment : old) last.gone.push_back(segment.id);
    for (const Segment& segment : old)
      for (std::string& key : segment_keys(account_, segment)) last.erased.push_back(std::move(key));
    return commit(last);
  }

  Result<void> drop(const store::Reader& r, const Segment& segment) {
    Write write;
    const auto scanned =
        r.scan(store::Range::prefix(segment_prefix(account_, segment.id)), [&](std::string_view key, std::string_view) {
          write.erased.emplace_back(key);
          return true;
        });
    if (!scanned) return scanned;
    return commit(write);
  }

  const Mailboxes& boxes_;
  store::Store& store_;
  IdSource& ids_;
  const AccountId account_;
};

// How many word lists wait in an account; at most `up_to`. None in one that is removed.
Result<size_t> count_tail(const store::Reader& r, AccountId account, size_t up_to) {
  const auto state = r.get(keys::state(account));
  if (!state) return state.error();
  if (!*state) return size_t{0};
  size_t count = 0;
  for (const char lists : {'w', 'W'}) {
    auto tail = tail_of(r, account, lists);
    if (!tail) return tail.error();
    tail->limit = up_to;
    const auto counted = r.scan(*tail, [&](std::string_view, std::string_view) { return ++count > 0; });
    if (!counted) return counted.error();
  }
  return count;
}

// Every account that has records. No key of the messages between is read.
Result<std::vector<AccountId>> all_accounts(const store::Reader& r) {
  std::vector<AccountId> out;
  store::Range range = store::Range::prefix("A");
  for (range.limit = 1;;) {
    const auto first = r.list(range);
    if (!first) return first.error();
    if (first->empty()) return out;
    out.push_back(Decoder(std::string_view(first->front().key).substr(1)).u32());
    range.begin = store::Range::prefix(keys::all_of(out.back())).end;
  }
}

}  // namespace

Result<size_t> Mailboxes::fold(AccountId account, size_t at_most) {
  std::lock_guard one_at_a_time(impl_->folding);
  Folder folder(*this, impl_->store, impl_->bodies, account);
  const auto folded = folder.take_tail(at_most, 'w');
  if (!folded) return folded;
  if (const auto of_files = folder.take_tail(at_most, 'W'); !of_files) return of_files;
  for (;;) {
    const auto merged = folder.merge();
    if (!merged) return merged.error();
    if (!*merged) break;
  }
  std::lock_guard lock(impl_->tails_mutex);
  if (const auto tail = impl_->tails.find(account); tail != impl_->tails.end())
    tail->second -= std::min(tail->second, *folded);
  return folded;
}

Result<std::vector<AccountId>> Mailboxes::accounts_to_fold(size_t tail_at_least) const {
  bool known = false;
  std::vector<std::pair<AccountId, size_t>> may;
  {
    std::lock_guard lock(impl_->tails_mutex);
    known = std::exchange(impl_->tails_known, true);
    for (const auto& tail : impl_->tails)
      if (known && tail.second >= tail_at_least) may.emplace_back(tail);
  }
  const auto snapshot = impl_->store.snapshot();
  if (!known) {  // those that wait since before this process
    const auto all = all_accounts(*snapshot);
    if (!all) return all.error();
    for (const AccountId account : *all) may.emplace_back(account, 0);
  }
  std::sort(may.begin(), may.end());
  std::vector<AccountId> out;
  for (const auto& [account, hint] : may) {
    const auto tail = count_tail(*snapshot, account, known ? tail_at_least : SIZE_MAX);
    if (!tail) return tail.error();
    if (*tail >= tail_at_least) out.push_back(account);
    std::lock_guard lock(impl_->tails_mutex);
    size_t& counted = impl_->tails[account];
    if (!known)
      counted += *tail;
    else if (*tail < tail_at_least)
      counted -= std::min(counted, hint - *tail);  // transactions that failed were counted too
    if (counted == 0) impl_->tails.erase(account);
  }
  return out;
}

}  // namespace pabal::mailbox
