#include "mailbox/search.h"

#include <algorithm>

#include "mailbox/impl.h"
#include "mailbox/lookup.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxQueryWords = 100;  // of one term
constexpr char kFileField = 'a';        // of attached files (search.h)

// A single character of a script without blanks is the beginning of pairs.
Match match_of(const Token& token) { return token.cjk && !token.pair ? Match::kPrefix : Match::kWhole; }

// What stands before the first word of a substring and behind the last may belong to them, unless a blank or a mark
// parts it off.
Chain chain_of_substring(std::string_view text) {
  Chain out;
  uint32_t position = 0;
  bool run_goes_on = false, first_cjk = false, last_cjk = false, last_cut = false;
  cut(text, [&](const Token& token) {
    const bool in_run = run_goes_on;
    run_goes_on = token.pair;
    if (in_run && !token.pair) return true;
    if (out.empty()) first_cjk = token.cjk;
    last_cjk = token.cjk;
    last_cut = token.word.size() > kMaxWord - 4;
    out.push_back({std::string(token.word), match_of(token), out.empty() ? 0 : token.position - position});
    position = token.position;
    return out.size() < kMaxQueryWords;
  });
  if (out.empty()) return out;
  const bool open_before = !first_cjk && begins_with_word(text) && out.front().word.size() <= kMaxWord - 4;
  const bool open_behind = !last_cjk && ends_with_word(text) && !last_cut;
  if (open_before) out.front().match = Match::kSuffix;
  if (open_behind) out.back().match = out.size() == 1 && open_before ? Match::kInside : Match::kPrefix;
  return out;
}

Ids joined(const Ids& a, const Ids& b) {
  Ids out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

// What must be in a message for a term is every chain of chains_of(), in one of these fields.
std::string_view fields_of(Mailboxes::Term::Field field) {
  switch (field) {
    case Mailboxes::Term::Field::kAny:
      return "bcfhst";
    case Mailboxes::Term::Field::kSubject:
      return "s";
    case Mailboxes::Term::Field::kFrom:
      return "f";
    case Mailboxes::Term::Field::kTo:
      return "t";
    case Mailboxes::Term::Field::kCc:
      return "c";
    case Mailboxes::Term::Field::kHeader:
      return "h";
    case Mailboxes::Term::Field::kBody:
      return "b";
    case Mailboxes::Term::Field::kMark:
      return "!";
  }
  return "b";
}

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
    out.back().push_back({std::string(token.word), match_of(token), chained ? token.position - position : 0});
    position = token.position;
    return ++words < kMaxQueryWords;
  });
  if (!out.empty() && term.prefix) out.back().back().match = Match::kPrefix;
  return out;
}

Result<std::optional<Mailboxes::Substring>> find_substring(const store::Reader& r, AccountId account,
                                                           std::string_view text, std::string_view fields, Ids* files) {
  const Chain chain = chain_of_substring(text);
  if (chain.empty()) return std::optional<Mailboxes::Substring>();
  Lookup lookup;
  std::vector<size_t> asked;
  for (const char field : fields) asked.push_back(lookup.add(field, chain));
  const size_t cut_short = lookup.add(kCutShort[0], {{std::string(kCutShort.substr(1)), Match::kWhole, 0}});
  const size_t in_files = files ? lookup.add(kFileField, chain) : 0;
  if (const auto done = lookup.gather(r, account); !done) return done.error();
  Mailboxes::Substring out;
  for (const size_t one : asked) out.found = joined(out.found, lookup.messages(one));
  const Ids unsure = lookup.messages(cut_short);
  std::set_difference(unsure.begin(), unsure.end(), out.found.begin(), out.found.end(), std::back_inserter(out.unsure));
  out.decided = chain.size() < kMaxQueryWords && decided_by_words(text);
  if (files) *files = lookup.messages(in_files);
  return std::optional<Mailboxes::Substring>(std::move(out));
}

}  // namespace

Result<std::vector<MessageId>> Mailboxes::search(const store::Reader& r, AccountId account,
                                                 const std::vector<Term>& terms) const {
  Lookup lookup;
  std::vector<std::vector<size_t>> asked;  // chains: one of each must be in the message
  for (const Term& term : terms)
    for (const Chain& chain : chains_of(term)) {
      asked.emplace_back();
      for (const char field : fields_of(term.field)) asked.back().push_back(lookup.add(field, chain));
    }
  if (asked.empty()) return Ids();
  if (const auto done = lookup.gather(r, account); !done) return done.error();

  std::optional<Ids> all;
  for (const auto& fields : asked) {
    Ids any;
    for (const size_t chain : fields) any = joined(any, lookup.messages(chain));
    if (all) {
      Ids both;
      std::set_intersection(all->begin(), all->end(), any.begin(), any.end(), std::back_inserter(both));
      any = std::move(both);
    }
    all = std::move(any);
  }
  // What was removed stays in its segment until a merge.
  Ids out;
  const auto read = each_message(r, account, *all, [&](Message&& m) {
    if (!m.places.empty()) out.push_back(m.id);
  });
  if (!read) return read.error();
  return out;
}

Result<std::optional<Mailboxes::Substring>> Mailboxes::search_substring(const store::Reader& r, AccountId account,
                                                                        std::string_view text,
                                                                        Term::Field field) const {
  return find_substring(r, account, text, fields_of(field), nullptr);
}

Result<std::optional<Mailboxes::Substring>> find_with_files(const store::Reader& r, AccountId account,
                                                            std::string_view text, Mailboxes::Term::Field field,
                                                            std::vector<MessageId>& files) {
  return find_substring(r, account, text, fields_of(field), &files);
}

Result<std::vector<MessageId>> find_in_files(const store::Reader& r, AccountId account, std::string_view text) {
  Ids files;
  const auto done = find_substring(r, account, text, "", &files);
  if (!done) return done.error();
  return files;
}

}  // namespace pabal::mailbox
