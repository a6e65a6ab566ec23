#include "trust/arc_chain.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pabal::trust {
namespace {

using Kind = SignatureField::Kind;

// After comments and blanks (CFWS).
size_t after_cfws(std::string_view s, size_t at) {
  int depth = 0;
  for (; at < s.size(); ++at) {
    const char c = s[at];
    if (c == '(')
      ++depth;
    else if (c == ')' && depth > 0)
      --depth;
    else if (c == '\\' && depth > 0)
      ++at;
    else if (depth == 0 && !text::is_wsp(c) && c != '\r' && c != '\n')
      break;
  }
  return std::min(at, s.size());
}

struct Results {
  unsigned instance = 0;  // 0: it has none
  std::string_view text;
};

// "i=N; authserv-id; ..." (RFC 8617 §4.1.1): here the instance comes first.
Results read_results(std::string_view value) {
  size_t at = after_cfws(value, 0);
  if (at >= value.size() || value[at] != 'i') return {};
  at = after_cfws(value, at + 1);
  if (at >= value.size() || value[at] != '=') return {};
  at = after_cfws(value, at + 1);
  const size_t begin = at;
  while (at < value.size() && text::is_digit(value[at])) ++at;
  const auto instance = at - begin <= 2 ? text::parse_u64(value.substr(begin, at - begin)) : std::nullopt;
  at = after_cfws(value, at);
  if (!instance || *instance < 1 || *instance > kMaxArcInstance || at >= value.size() || value[at] != ';') return {};
  return {static_cast<unsigned>(*instance), value.substr(at + 1)};
}

std::string set_name(unsigned instance) { return "ARC set " + std::to_string(instance); }

// RFC 8617 §5.2 step 3C.
std::string chain_status_problem(const ArcChain& chain) {
  for (unsigned i = 1; i <= chain.sets.size(); ++i) {
    const std::string_view status = chain.sets[i - 1].seal.chain, wanted = i == 1 ? "none" : "pass";
    if (status != wanted) return "the seal of " + set_name(i) + " has no cv=" + std::string(wanted);
  }
  return {};
}

}  // namespace

ArcChain read_chain(const HeaderIndex& header) {
  const auto results = header.named("ARC-Authentication-Results");
  const auto messages = header.named("ARC-Message-Signature");
  const auto seals = header.named("ARC-Seal");
  ArcChain chain;
  chain.present = !results.empty() || !messages.empty() || !seals.empty();
  if (!chain.present) return chain;
  if (std::max({results.size(), messages.size(), seals.size()}) > kMaxArcInstance) {
    chain.problem = "it has more than 50 ARC sets";
    chain.highest = kMaxArcInstance;
    return chain;
  }

  // By instance: how many fields of each kind there are, and the sets that they make.
  std::array<std::array<unsigned, 3>, kMaxArcInstance + 1> count{};
  std::vector<ArcChain::Set> sets(kMaxArcInstance + 1);
  const auto note = [&](unsigned instance, size_t kind) {
    ++count[instance][kind];
    chain.highest = std::max(chain.highest, instance);
  };
  for (const size_t at : results) {
    const Results read = read_results(header.fields()[at].raw_value);
    note(read.instance, 0);
    sets[read.instance].results_at = at;
    sets[read.instance].results = message::unfold(read.text.substr(0, kMaxArcResultsBytes));
  }
  for (const size_t at : messages) {
    SignatureField read = read_signature(Kind::kArcMessage, header.text(at));
    note(read.instance, 1);
    sets[read.instance].message_at = at;
    sets[read.instance].message = std::move(read);
  }
  for (const size_t at : seals) {
    SignatureField read = read_signature(Kind::kArcSeal, header.text(at));
    note(read.instance, 2);
    ArcChain::Set& set = sets[read.instance];
    set.seal_at = at;
    set.seal = std::move(read);
  }

  chain.closed = chain.highest > 0 && sets[chain.highest].seal.chain == "fail";
  sets.resize(chain.highest + 1);
  sets.erase(sets.begin());
  chain.sets = std::move(sets);
  if (chain.closed)
    chain.problem = "the seal of " + set_name(chain.highest) + " says that the chain was broken before it (cv=fail)";
  else if (count[0] != std::array<unsigned, 3>{})
    chain.problem = "an ARC field has no valid instance (i=)";
  else
    for (unsigned i = 1; i <= chain.highest && chain.problem.empty(); ++i)
      if (count[i] != std::array<unsigned, 3>{1, 1, 1})
        chain.problem = set_name(i) + " has not just one field of each kind";
  if (chain.problem.empty()) chain.problem = chain_status_problem(chain);
  return chain;
}

std::string sealed_before(const HeaderIndex& header, const ArcChain& chain, unsigned instance) {
  std::string out;
  for (unsigned i = 1; i < instance; ++i) {
    const ArcChain::Set& set = chain.sets[i - 1];
    for (const size_t at : {set.results_at, set.message_at, set.seal_at})
      append_canonical_field(out, Canonicalization::kRelaxed, header.text(at));
  }
  return out;
}

std::string sealed_text(const HeaderIndex& header, const ArcChain& chain, unsigned instance) {
  std::string out = sealed_before(header, chain, instance);
  const ArcChain::Set& set = chain.sets[instance - 1];
  append_canonical_field(out, Canonicalization::kRelaxed, header.text(set.results_at));
  append_canonical_field(out, Canonicalization::kRelaxed, header.text(set.message_at));
  append_unsigned_field(out, set.seal, header.text(set.seal_at));
  return out;
}

}  // namespace pabal::trust
