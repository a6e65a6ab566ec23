#include "mailbox/lookup.h"

#include <algorithm>

#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

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

size_t Lookup::query(char field, std::string_view word, Match match, bool placed) {
  const std::string key = field + std::string(word);
  for (size_t i = 0; i < queries_.size(); ++i)
    if (queries_[i].key == key && queries_[i].match == match && queries_[i].placed == placed) return i;
  queries_.push_back({key, match, placed});
  (queries_.back().is_part() ? parts_ : by_octet_[static_cast<unsigned char>(key[1])]).push_back(queries_.size() - 1);
  return queries_.size() - 1;
}

size_t Lookup::add(char field, const Chain& chain) {
  Asked asked{chain, {}};
  const bool placed = chain.size() > 1;
  for (const Wanted& wanted : chain) {
    auto& any = asked.queries.emplace_back();
    any.push_back(query(field, wanted.word, wanted.match, placed));
    for (const Wanted::Other& other : wanted.others)
      any.push_back(query(other.plain ? plain_field(field) : field, other.word, wanted.match, placed));
  }
  chains_.push_back(std::move(asked));
  return chains_.size() - 1;
}

Result<void> Lookup::gather(const store::Reader& r, AccountId account) {
  const auto state = need_state(r, account);
  if (!state) return state.error();
  end_ = state->next_message;
  if (queries_.empty()) return {};                      // of flags, places and dates the index says nothing
  std::vector<std::pair<MessageId, MessageId>> copies;  // of a message, and its own id
  if (const auto done = pass(r, account, &copies); !done) return done;
  for (Query& query : queries_)
    for (const auto& [of, copy] : copies)
      if (query.seen.has(of)) query.seen.add(copy);
  if (!narrow()) return {};
  with_positions_ = true;
  if (const auto done = pass(r, account, nullptr); !done) return done;
  for (Query& query : queries_) add_copies(query, copies);
  return {};
}

IdSet Lookup::seen(const std::vector<size_t>& any) const {
  IdSet out(end_);
  for (const size_t i : any) out.join(queries_[i].seen);
  return out;
}

// What a phrase's words have in common. False: there is no phrase, or none can be found.
bool Lookup::narrow() {
  bool found = false;
  for (const Asked& asked : chains_) {
    if (asked.chain.size() == 1) continue;
    IdSet all = seen(asked.queries[0]);
    for (const auto& any : asked.queries) all.keep(seen(any));
    if (all.empty()) continue;
    found = true;
    for (const auto& any : asked.queries)
      for (const size_t i : any) {
        IdSet& wanted = queries_[i].wanted;
        if (wanted.end() == 0) wanted = IdSet(end_);
        wanted.join(all);
      }
  }
  return found;
}

Result<void> Lookup::pass(const store::Reader& r, AccountId account,
                          std::vector<std::pair<MessageId, MessageId>>* copies) {
  const auto segments = list_segments(r, account);
  if (!segments) return segments.error();
  for (const Segment& segment : *segments)
    if (segment.whole)
      if (const auto done = look_into(r, account, segment); !done) return done;
  for (const char lists : {'w', 'W'}) {
    const auto tail = tail_of(r, account, lists);
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
  }
  if (!whole_) return damaged("a word list");
  return {};
}

Result<void> Lookup::look_into(const store::Reader& r, AccountId account, const Segment& segment) {
  const auto done_with = [&](const Query& query) { return with_positions_ && query.wanted.end() == 0; };
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
    if (query.seen.end() == 0) query.seen = IdSet(end_);
    query.seen.add(posting.message);
  } else if (!query.wanted.has(posting.message)) {
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

std::vector<Lookup::Hit> Lookup::hits(const std::vector<size_t>& any) const {
  std::vector<Hit> out = queries_[any[0]].hits;
  if (any.size() == 1) return out;
  for (size_t i = 1; i < any.size(); ++i)
    out.insert(out.end(), queries_[any[i]].hits.begin(), queries_[any[i]].hits.end());
  sort(out);
  return out;
}

IdSet Lookup::set(size_t number) const {
  const Asked& asked = chains_[number];
  if (asked.chain.size() == 1) return seen(asked.queries[0]);
  std::vector<Hit> current = hits(asked.queries[0]);
  for (size_t i = 1; i < asked.chain.size(); ++i) {
    std::vector<Hit> next;
    auto before = current.begin();
    for (const Hit& hit : hits(asked.queries[i])) {
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
  IdSet out(end_);
  for (const Hit& hit : current) out.add(hit.message);
  return out;
}

}  // namespace pabal::mailbox
