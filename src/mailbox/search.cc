#include "mailbox/search.h"

#include <algorithm>
#include <array>

#include "mailbox/impl.h"
#include "mailbox/segment.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxQueryWords = 100;  // of one term
constexpr size_t kLookedUpOneByOne = 500;

std::string_view fields_of(Mailboxes::Term::Field field) {
  switch (field) {
    case Mailboxes::Term::Field::kAny:
      return "bfst";
    case Mailboxes::Term::Field::kSubject:
      return "s";
    case Mailboxes::Term::Field::kFrom:
      return "f";
    case Mailboxes::Term::Field::kTo:
      return "t";
    case Mailboxes::Term::Field::kBody:
      return "b";
  }
  return "b";
}

struct Wanted {
  std::string word;
  bool prefix = false;
  uint32_t distance = 0;  // positions behind the word before it in its chain
};
// Words that must stand in a row in one field: a phrase, or a run of Chinese, Japanese or Korean.
using Chain = std::vector<Wanted>;

std::vector<Chain> chains_of(const Mailboxes::Term& term) {
  std::vector<Chain> out;
  size_t words = 0;
  uint32_t position = 0;     // of the last word taken
  bool run_goes_on = false;  // the token before was a pair
  cut(term.text, [&](const Token& token) {
    const bool in_run = run_goes_on;
    run_goes_on = token.pair;
    if (in_run && !token.pair) return true;  // the last character of a run: its pair before has it
    const bool chained = in_run || (term.phrase && !out.empty());
    if (!chained) out.emplace_back();
    // A single character of such a script is the beginning of pairs.
    out.back().push_back({std::string(token.word), token.cjk && !token.pair, chained ? token.position - position : 0});
    position = token.position;
    return ++words < kMaxQueryWords;
  });
  if (!out.empty()) out.back().back().prefix |= term.prefix;
  return out;
}

struct Hit {
  MessageId message;
  std::vector<uint32_t> positions;  // sorted; only where a chain needs them
};
struct Query {
  std::string key;  // field and word
  bool prefix, placed;
  std::vector<Hit> hits;  // by message, when gathered
};

// The queries of one search, answered together: each segment and each waiting list is read once.
class Lookup {
 public:
  size_t add(char field, const Wanted& wanted, bool placed) {
    const std::string key = field + wanted.word;
    for (size_t i = 0; i < queries_.size(); ++i)
      if (queries_[i].key == key && queries_[i].prefix == wanted.prefix && queries_[i].placed == placed) return i;
    by_octet_[static_cast<unsigned char>(key[1])].push_back(queries_.size());
    queries_.push_back({key, wanted.prefix, placed, {}});
    return queries_.size() - 1;
  }
  const std::vector<Hit>& hits(size_t query) const { return queries_[query].hits; }

  Result<void> gather(const store::Reader& r, AccountId account) {
    const auto segments = list_segments(r, account);
    if (!segments) return segments.error();
    for (const Segment& segment : *segments)
      for (Query& query : queries_) {
        if (!segment.whole) continue;
        const auto done = read_postings(r, account, segment, query.key, query.prefix,
                                        [&](std::string_view, const Posting& p) { take(query, p); });
        if (!done) return done;
      }
    std::vector<std::pair<MessageId, MessageId>> copies;  // of a message, and its own id
    const auto tail = tail_of(r, account);
    if (!tail) return tail.error();
    const auto scanned = r.scan(*tail, [&](std::string_view key, std::string_view record) {
      const MessageId id = Decoder(key.substr(6)).u64();
      if (const auto of = words_of_another(record)) {
        copies.emplace_back(*of, id);
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
    for (Query& query : queries_) {
      sort(query.hits);
      const size_t known = query.hits.size();
      for (const auto& [of, copy] : copies) {
        const auto end = query.hits.begin() + static_cast<ptrdiff_t>(known);
        const auto first =
            std::lower_bound(query.hits.begin(), end, of, [](const Hit& h, MessageId id) { return h.message < id; });
        if (first != end && first->message == of) query.hits.push_back({copy, std::vector<uint32_t>(first->positions)});
      }
      if (query.hits.size() > known) sort(query.hits);
    }
    return {};
  }

 private:
  bool look(std::string_view word, const Posting& posting) {
    if (word.size() < 2) return true;
    for (const size_t i : by_octet_[static_cast<unsigned char>(word[1])])
      if (const Query& q = queries_[i]; word == q.key || (q.prefix && word.starts_with(q.key)))
        take(queries_[i], posting);
    return whole_;
  }
  void take(Query& query, const Posting& posting) {
    Hit hit{posting.message, {}};
    if (query.placed) {
      auto positions = decode_positions(posting.positions);
      whole_ = whole_ && positions;
      if (positions) hit.positions = std::move(*positions);
    }
    query.hits.push_back(std::move(hit));
  }
  // By message; several words of one message (a prefix) become one hit.
  static void sort(std::vector<Hit>& hits) {
    std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.message < b.message; });
    size_t kept = 0;
    for (size_t i = 0; i < hits.size(); ++i) {
      if (kept > 0 && hits[kept - 1].message == hits[i].message) {
        auto& all = hits[kept - 1].positions;
        all.insert(all.end(), hits[i].positions.begin(), hits[i].positions.end());
        std::sort(all.begin(), all.end());
      } else if (kept++ != i)
        hits[kept - 1] = std::move(hits[i]);
    }
    hits.resize(kept);
  }

  std::vector<Query> queries_;
  std::array<std::vector<size_t>, 256> by_octet_;  // queries by the first octet of their word
  bool whole_ = true;
};

using Ids = std::vector<MessageId>;  // sorted, unique

// The messages where the words of a chain stand in their distances.
Ids in_a_row(const Lookup& lookup, const Chain& chain, const std::vector<size_t>& queries) {
  Ids out;
  if (chain.size() == 1) {
    for (const Hit& hit : lookup.hits(queries[0])) out.push_back(hit.message);
    return out;
  }
  std::vector<Hit> current = lookup.hits(queries[0]);
  for (size_t i = 1; i < chain.size(); ++i) {
    std::vector<Hit> next;
    auto before = current.begin();
    for (const Hit& hit : lookup.hits(queries[i])) {
      while (before != current.end() && before->message < hit.message) ++before;
      if (before == current.end()) break;
      if (before->message != hit.message) continue;
      Hit both{hit.message, {}};
      for (const uint32_t p : hit.positions)
        if (p >= chain[i].distance &&
            std::binary_search(before->positions.begin(), before->positions.end(), p - chain[i].distance))
          both.positions.push_back(p);
      if (!both.positions.empty()) next.push_back(std::move(both));
    }
    current = std::move(next);
  }
  for (const Hit& hit : current) out.push_back(hit.message);
  return out;
}

// Those of `ids` that are in some mailbox: what was removed stays in its segment until a merge.
Result<Ids> placed(const store::Reader& r, AccountId account, const Ids& ids) {
  Ids out;
  bool whole = true;
  const auto check = [&](MessageId id, std::string_view record) {
    const auto m = decode_message(record);
    whole = whole && m;
    if (m && !m->places.empty()) out.push_back(id);
  };
  if (ids.size() <= kLookedUpOneByOne) {
    for (const MessageId id : ids) {
      const auto record = r.get(keys::message(account, id));
      if (!record) return record.error();
      if (*record) check(id, **record);
    }
  } else {
    auto next = ids.begin();
    store::Range range{keys::message(account, ids.front()), keys::message(account, ids.back() + 1)};
    const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
      const MessageId id = Decoder(key.substr(6)).u64();
      while (next != ids.end() && *next < id) ++next;
      if (next != ids.end() && *next == id) check(id, record);
      return whole;
    });
    if (!scanned) return scanned.error();
  }
  if (!whole) return damaged("a message");
  return out;
}

}  // namespace

Result<std::vector<MessageId>> Mailboxes::search(const store::Reader& r, AccountId account,
                                                 const std::vector<Term>& terms) const {
  Lookup lookup;
  struct Asked {
    Chain chain;
    std::vector<std::vector<size_t>> fields;  // for each field the queries of the chain
  };
  std::vector<Asked> asked;
  for (const Term& term : terms)
    for (Chain& chain : chains_of(term)) {
      Asked one;
      for (const char field : fields_of(term.field)) {
        std::vector<size_t> queries;
        for (const Wanted& wanted : chain) queries.push_back(lookup.add(field, wanted, chain.size() > 1));
        one.fields.push_back(std::move(queries));
      }
      one.chain = std::move(chain);
      asked.push_back(std::move(one));
    }
  if (asked.empty()) return Ids();
  if (const auto done = lookup.gather(r, account); !done) return done.error();

  std::optional<Ids> all;
  for (const Asked& one : asked) {
    Ids any;
    for (const std::vector<size_t>& queries : one.fields) {
      const Ids found = in_a_row(lookup, one.chain, queries);
      Ids either;
      std::set_union(any.begin(), any.end(), found.begin(), found.end(), std::back_inserter(either));
      any = std::move(either);
    }
    if (!all)
      all = std::move(any);
    else {
      Ids both;
      std::set_intersection(all->begin(), all->end(), any.begin(), any.end(), std::back_inserter(both));
      all = std::move(both);
    }
  }
  return placed(r, account, *all);
}

}  // namespace pabal::mailbox
