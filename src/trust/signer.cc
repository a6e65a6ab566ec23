#include "trust/signer.h"

#include "trust/results.h"

namespace pabal::trust {
namespace {

constexpr size_t kKeysKept = 1'000;

// What was found of the chain when the message came in: it cannot have got better since.
Outcome arc_result_of(std::string_view results) {
  const auto parsed = parse_results("here; " + std::string(results));
  if (!parsed) return Outcome::kFail;
  for (const auto& one : parsed->methods)
    if (one.method == "arc") return outcome_of(one.result).value_or(Outcome::kFail);
  return Outcome::kNone;
}

}  // namespace

// The active keys of the local domain at or above `name`.
Result<std::vector<SigningKey>> Signer::keys(std::string_view name) const {
  std::optional<identity::Domain> domain;
  for (; !domain && name.find('.') != name.npos; name.remove_prefix(name.find('.') + 1)) {
    auto found = directory_.domain(reader_, name);
    if (!found) return found.error();
    domain = std::move(*found);
  }
  std::vector<SigningKey> out;
  if (!domain) return out;
  const std::lock_guard lock(mutex_);
  for (const identity::DkimKey& key : domain->dkim_keys) {
    if (key.state != identity::DkimKey::State::kActive) continue;
    const std::string id = key.selector + '\0' + domain->name + '\0' + key.private_pem;
    auto known = known_.find(id);
    if (known == known_.end()) {
      auto loaded = SigningKey::load(domain->name, key.selector, key.private_pem);
      if (!loaded) return loaded.error();
      if (known_.size() >= kKeysKept) known_.clear();
      known = known_.emplace(id, std::move(*loaded)).first;
    }
    out.push_back(known->second);
  }
  return out;
}

Result<std::string> Signer::sign(std::string_view message, std::string_view domain) const {
  const auto all = keys(domain);
  if (!all) return all.error();
  return all->empty() ? std::string() : sign_dkim(message, *all, clock_.now());
}

Result<std::string> Signer::seal(std::string_view message, std::string_view domain, std::string_view results) const {
  const auto all = keys(domain);
  if (!all) return all.error();
  if (all->empty()) return std::string();
  Arc found;
  found.result = arc_result_of(results);
  // RFC 8617 §4.1.2 has seals by one key; RSA is what every validator knows.
  const SigningKey* key = &all->front();
  for (const SigningKey& one : *all)
    if (one.algorithm() == Algorithm::kRsaSha256) key = &one;
  return seal_arc(message, found, results, hostname_, *key, clock_.now());
}

}  // namespace pabal::trust
