#include "mailbox/lookup.h"

#include <algorithm>

#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Match = Wanted::Match;

// The words of a dictionary's page that have `part` after their field's octet, at their end with `suffix`.
void find_part(std::string_view page, char field, std::string_view part, bool suffix, std::vector<std::string>& out) {
  if (page.front() > field) return;
  for (size_t at = page.find(part); at != page.npos; at = page.find(part, at)) {
    const size_t feed = page.rfind('\n', at), begin = feed == page.npos ? 0 : feed + 1;
    const size_t end = page.find('\n', at);
    if (page[begin] > field) return;  // words are in order
    const bool fits = page[begin] == field && at > begin && (!suffix || at + part.size() == end);
    if (fits) out.emplace_back(page.substr(begin, end - begin));
    at = fits ? end : at + 1;
  }
}

}  // namespace

bool Lookup::Query::wants(std::string_view word) const {
  switch (match) {
    case Match::kWhole:
      return word == key;
    case Match::kPrefix:
      return word.starts_with(key);
    case Match::kSuffix:
      return word[0] == key[0] && word.substr(1).ends_with(std::string_view(key).substr(1));
    case Match::kInside:
      return word[0] == key[0] && word.find(std::string_view(key).substr(1), 1) != word.npos;
  }
  return false;
}

size_t Lookup::query(char field, const Wanted& wanted, bool placed) {
  const std::string key = field + wanted.word;
  for (size_t i = 0; i < queries_.size(); ++i)
    if (queries_[i].key == key && queries_[i].match == wanted.match && queries_[i].placed == placed) return i;
  queries_.push_back({key, wanted.match, placed});
  (queries_.back().is_part() ? parts_ : by_octet_[static_cast<unsigned char>(key[1])]).push_back(queries_.size() - 1);
  return queries_.size() - 1;
}

size_t Lookup::add(char field, const Chain& chain) {
  Asked asked{chain, {}};
  for (const Wanted& wanted : chain) asked.queries.push_back(query(field, wanted, chain.size() > 1));
  chains_.push_back(std::move(asked));
  return chains_.size() - 1;
}

Result<void> Lookup::gather(const store::Reader& r, AccountId account) {
  const auto state = need_state(r, account);
  if (!state) return state.error();
  end_ = state->next_message;
  std::vector<std::pair<MessageId, MessageId>> copies;  // of a message, and its own id
  if (const auto done = pass(r, account, &copies); !done) return done;
  for (Query& query : queries_)
    for (const auto& [of, copy] : copies)
      if (of < query.seen.size() && copy < query.seen.size() && query.seen[of]) query.seen[copy] = true;
  if (!narrow()) return {};
  with_positions_ = true;
  if (const auto done = pass(r, account, nullptr); !done) return done;
  for (Query& query : queries_) add_copies(query, copies);
  return {};
}

// What a phrase's words have in common. False: there is no phrase, or none can be found.
bool Lookup::narrow() {
  bool any = false;
  for (const Asked& asked : chains_) {
    if (asked.chain.size() == 1) continue;
    std::vector<bool> all = queries_[asked.queries[0]].seen;
    for (const size_t i : asked.queries) {
      const std::vector<bool>& seen = queries_[i].seen;
      all.resize(std::min(all.size(), seen.size()));
      for (size_t id = 0; id < all.size(); ++id)
        if (!seen[id]) all[id] = false;
    }
    if (std::find(all.begin(), all.end(), true) == all.end()) continue;
    any = true;
    for (const size_t i : asked.queries) {
      std::vector<bool>& wanted = queries_[i].wanted;
      wanted.resize(end_);
      for (size_t id = 0; id < all.size(); ++id)
        if (all[id]) wanted[id] = true;
    }
  }
  return any;
}

Result<void> Lookup::pass(const store::Reader& r, AccountId account,
                          std::vector<std::pair<MessageId, MessageId>>* copies) {
  const auto segments = list_segments(r, account);
  if (!segments) return segments.error();
  for (const Segment& segment : *segments)
    if (segment.whole)
      if (const auto done = look_into(r, account, segment); !done) return done;
  const auto tail = tail_of(r, account);
  if (!tail) return tail.error();
  const auto scanned = r.scan(*tail, [&](std::string_view key, std::string_view record) {
    const MessageId id = Decoder(key.substr(6)).u64();
    if (const auto of = words_of_another(record)) {
      if (copies) copies->emplace_back(*of, id);
      return true;
    }
    const auto list = unpacked(record);
    whole_ = whole_ && list && read_words(*list, [&](std::string_view word, std::string_view positions) {
               return look(word, {id, positions});
             });
    return whole_;
  });
  if (!scanned) return scanned;
  if (!whole_) return damaged("a word list");
  return {};
}

Result<void> Lookup::look_into(const store::Reader& r, AccountId account, const Segment& segment) {
  const auto done_with = [&](const Query& query) { return with_positions_ && query.wanted.empty(); };
  for (Query& query : queries_) {
    if (query.is_part() || done_with(query)) continue;
    const auto done = read_postings(r, account, segment, query.key, query.match == Match::kPrefix,
                                    [&](std::string_view, const Posting& p) { take(query, p); });
    if (!done) return done;
  }
  if (!std::all_of(parts_.begin(), parts_.end(), [&](size_t i) { return done_with(queries_[i]); })) {
    std::vector<std::vector<std::string>> words(parts_.size());
    const auto read = read_dictionary(r, account, segment, [&](std::string_view page) {
      for (size_t i = 0; i < parts_.size(); ++i) {
        const Query& query = queries_[parts_[i]];
        if (done_with(query)) continue;
        find_part(page, query.key[0], std::string_view(query.key).substr(1), query.match == Match::kSuffix, words[i]);
      }
    });
    if (!read) return read;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const auto done = read_postings(r, account, segment, words[i],
                                      [&](std::string_view, const Posting& p) { take(queries_[parts_[i]], p); });
      if (!done) return done;
    }
  }
  if (!whole_) return damaged("a search segment");
  return {};
}

bool Lookup::look(std::string_view word, const Posting& posting) {
  if (word.size() < 2) return true;
  for (const size_t i : by_octet_[static_cast<unsigned char>(word[1])])
    if (queries_[i].wants(word)) take(queries_[i], posting);
  for (const size_t i : parts_)
    if (queries_[i].wants(word)) take(queries_[i], posting);
  return whole_;
}

void Lookup::take(Query& query, const Posting& posting) {
  if (posting.message >= end_) {
    whole_ = false;
  } else if (!with_positions_) {
    if (query.seen.empty()) query.seen.resize(end_);
    query.seen[posting.message] = true;
  } else if (query.wanted.empty() || !query.wanted[posting.message]) {
    return;
  } else if (auto positions = decode_positions(posting.positions)) {
    query.hits.push_back({posting.message, std::move(*positions)});
  } else {
    whole_ = false;
  }
}

// By message; several words of one message (a prefix) become one hit.
void Lookup::sort(std::vector<Hit>& hits) {
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.message < b.message; });
  size_t kept = 0;
  for (size_t i = 0; i < hits.size(); ++i) {
    if (kept > 0 && hits[kept - 1].message == hits[i].message) {
      auto& all = hits[kept - 1].positions;
      all.insert(all.end(), hits[i].positions.begin(), hits[i].positions.end());
      std::sort(all.begin(), all.end());
    } else if (kept++ != i) {
      hits[kept - 1] = std::move(hits[i]);
    }
  }
  hits.resize(kept);
}

void Lookup::add_copies(Query& query, const std::vector<std::pair<MessageId, MessageId>>& copies) {
  auto& hits = query.hits;
  sort(hits);
  const size_t known = hits.size();
  for (const auto& [of, copy] : copies) {
    const auto end = hits.begin() + static_cast<ptrdiff_t>(known);
    const auto first =
        std::lower_bound(hits.begin(), end, of, [](const Hit& h, MessageId id) { return h.message < id; });
    if (first != end && first->message == of) hits.push_back({copy, std::vector<uint32_t>(first->positions)});
  }
  if (hits.size() > known) sort(hits);
}

Ids Lookup::messages(size_t number) const {
  const Asked& asked = chains_[number];
  Ids out;
  if (asked.chain.size() == 1) {
    const auto& seen = queries_[asked.queries[0]].seen;
    for (MessageId id = 0; id < seen.size(); ++id)
      if (seen[id]) out.push_back(id);
    return out;
  }
  std::vector<Hit> current = queries_[asked.queries[0]].hits;
  for (size_t i = 1; i < asked.chain.size(); ++i) {
    std::vector<Hit> next;
    auto before = current.begin();
    for (const Hit& hit : queries_[asked.queries[i]].hits) {
      while (before != current.end() && before->message < hit.message) ++before;
      if (before == current.end()) break;
      if (before->message != hit.message) continue;
      Hit both{hit.message, {}};
      for (const uint32_t p : hit.positions)
        if (p >= asked.chain[i].distance &&
            std::binary_search(before->positions.begin(), before->positions.end(), p - asked.chain[i].distance))
          both.positions.push_back(p);
      if (!both.positions.empty()) next.push_back(std::move(both));
    }
    current = std::move(next);
  }
  for (const Hit& hit : current) out.push_back(hit.message);
  return out;
}

}  // namespace pabal::mailbox
