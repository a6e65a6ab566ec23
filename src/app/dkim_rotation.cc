#include "app/dkim_rotation.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "app/rooms.h"
#include "app/wait_for.h"
#include "base/log.h"
#include "base/text.h"
#include "net/io_loop.h"
#include "trust/dkim_key.h"
#include "trust/public_key.h"

namespace pabal::app {
namespace {

using identity::DkimKey;
using State = DkimKey::State;

constexpr seconds kLookTime{10};  // for all records of one domain

// "pabal12r" is of the 12th pair.
uint64_t number_of(std::string_view selector) {
  if (!selector.starts_with("pabal") || selector.size() < 7) return 0;
  return text::parse_u64(selector.substr(5, selector.size() - 6)).value_or(0);
}

// Every key of this state, "pabal3r and pabal3e"; "" when there is none.
std::string names(const std::vector<DkimKey>& keys, State state) {
  std::vector<std::string> out;
  for (const DkimKey& key : keys)
    if (key.state == state) out.push_back(key.selector);
  return text::join(out, " and ");
}

}  // namespace

Result<std::vector<DkimKey>> make_dkim_keys(const std::vector<DkimKey>& there, State state, Time now) {
  uint64_t number = 1;
  for (const DkimKey& key : there) number = std::max(number, number_of(key.selector) + 1);
  std::vector<DkimKey> keys;
  for (const auto& [ending, algorithm] :
       {std::pair("r", trust::DkimAlgorithm::kRsa2048), std::pair("e", trust::DkimAlgorithm::kEd25519)}) {
    auto key = trust::make_dkim_key(algorithm);
    if (!key) return key.error();
    keys.push_back({fmt::format("pabal{}{}", number, ending), std::move(key->private_pem), state, now, {}});
  }
  return keys;
}

bool is_ed25519(const DkimKey& key) {
  const auto txt = trust::dkim_txt(key.private_pem);
  return txt && txt->starts_with("v=DKIM1; k=ed25519;");
}

std::vector<std::string> sign_with(std::vector<DkimKey>& keys, DkimKey& key, Time now) {
  std::vector<std::string> retired;
  for (DkimKey& old : keys) {
    if (&old == &key || old.state != State::kActive || is_ed25519(old) != is_ed25519(key)) continue;
    old.state = State::kRetired;
    old.since = now;
    retired.push_back(old.selector);
  }
  key.state = State::kActive;
  key.since = now;
  key.shown.reset();
  return retired;
}

std::string dkim_record_problem(std::string_view shown, std::string_view wanted) {
  const auto kind = trust::read_key_record(wanted, trust::Algorithm::kEd25519Sha256) ? trust::Algorithm::kEd25519Sha256
                                                                                     : trust::Algorithm::kRsaSha256;
  const auto ours = trust::read_key_record(wanted, kind), theirs = trust::read_key_record(shown, kind);
  if (!ours) return ours.error().message;
  if (!theirs) return theirs.error().message;
  if (EVP_PKEY_eq(ours->key.get(), theirs->key.get()) != 1) return "it is another key";
  return theirs->testing ? "t=y says that the domain is only testing: signatures count for nothing" : "";
}

Task<ShownKeys> look_for_keys(dns::Lookups lookups, identity::Domain domain) {
  ShownKeys out;
  for (const DkimKey& key : domain.dkim_keys) {
    ShownKey& shown = out[key.selector];
    const auto wanted = trust::dkim_txt(key.private_pem);
    Task<Result<dns::Answer>> asking = dns::ask(lookups, key.selector + "._domainkey." + domain.name, dns::Type::kTxt);
    const Result<dns::Answer> answer = co_await asking;
    shown.looked = answer.ok();
    if (!answer)
      shown.problem = answer.error().message;
    else if (!wanted)
      shown.problem = wanted.error().message;
    else if (answer->records.empty())
      shown.problem = "it is not in DNS";
    else if (shown.there = true; answer->records.size() > 1)  // RFC 6376 §3.6.2.2: what a verifier does then is open
      shown.problem = "there are several records where one belongs";
    else
      shown.problem = dkim_record_problem(answer->records.front().data, *wanted);
  }
  co_return out;
}

Result<Rotation> rotate_keys(const identity::Domain& domain, Time now, const ShownKeys& shown) {
  Rotation out{domain.dkim_keys, {}, {}};
  const auto tell = [&](std::string what) { out.told.push_back(domain.name + ": " + std::move(what)); };
  const auto request = [&](std::string what) { out.asked.push_back(domain.name + ": " + std::move(what)); };
  const auto look = [&](const DkimKey& key) {
    const auto found = shown.find(key.selector);
    return found == shown.end() ? ShownKey{} : found->second;
  };

  std::erase_if(out.keys, [&](const DkimKey& key) {
    const bool over = key.state == State::kRetired && key.since + kDkimRetired <= now;
    if (over) tell("dropped the DKIM key " + key.selector + "; its record may leave DNS");
    return over;
  });

  // The waiting pair: signed with as soon as all of it has been shown long enough, and is shown now.
  bool waiting = false, ready = true;
  for (DkimKey& key : out.keys) {
    if (key.state != State::kPublished) continue;
    waiting = true;
    const ShownKey seen = look(key);
    if (seen.good() && !key.shown) key.shown = now;
    if (seen.looked && !seen.good()) key.shown.reset();
    if (seen.good() && *key.shown + kDkimShown <= now) continue;
    ready = false;
    if (seen.looked && !seen.good())
      request(fmt::format("the DKIM record {0}._domainkey.{1} waits to be published ({2}); pabal dns {1} shows it",
                          key.selector, domain.name, seen.problem));
  }
  if (waiting && ready)
    for (DkimKey& key : out.keys) {
      if (key.state != State::kPublished) continue;
      const auto old = sign_with(out.keys, key, now);
      tell("signs with " + key.selector + (old.empty() ? "" : " instead of " + text::join(old, " and ")));
    }

  const bool old = std::any_of(out.keys.begin(), out.keys.end(), [&](const DkimKey& key) {
    return key.state == State::kActive && key.since + kDkimLife <= now;
  });
  if (old && !waiting) {
    auto made = make_dkim_keys(out.keys, State::kPublished, now);
    if (!made) return made.error();
    out.keys.insert(out.keys.end(), made->begin(), made->end());
    request(fmt::format("made the next DKIM keys, {}; publish them: pabal dns {}", names(out.keys, State::kPublished),
                        domain.name));
  }
  for (const DkimKey& key : out.keys)
    if (const ShownKey seen = look(key); key.state == State::kActive && seen.looked && !seen.good())
      request(fmt::format("mail is signed with {0}, but its DNS record does not serve ({1}); pabal dns {2} shows it",
                          key.selector, seen.problem, domain.name));
  return out;
}

Result<void> replace_keys(Rooms& rooms, const identity::Domain& before, const std::vector<DkimKey>& after) {
  return rooms.store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    auto newest = rooms.directory->domain(t, before.name);
    if (!newest) return newest.error();
    if (!*newest || (*newest)->dkim_keys != before.dkim_keys)
      return Error{Code::kExists, "the keys of " + before.name + " were changed by somebody else; look again"};
    (*newest)->dkim_keys = after;
    return rooms.directory->update_domain(t, **newest);
  });
}

void rotate_all_keys(Rooms& rooms, dns::Resolver& resolver, const std::atomic<bool>& stopping) {
  const auto domains = rooms.directory->domains(*rooms.store);
  if (!domains) return log::error("dkim", domains.error().message);
  net::IoLoops loops(1);
  for (const identity::Domain& domain : *domains) {
    if (stopping) return;
    if (!domain.enabled || domain.dkim_keys.empty()) continue;
    net::Loop& loop = loops.loop(0);
    const ShownKeys shown = wait_for(loop, look_for_keys({loop, resolver, loop.now() + kLookTime}, domain));
    const auto step = rotate_keys(domain, rooms.clock.now(), shown);
    if (!step) {
      log::error("dkim", domain.name + ": " + step.error().message);
      continue;
    }
    if (step->keys != domain.dkim_keys)
      if (const auto done = replace_keys(rooms, domain, step->keys); !done) {
        log::error("dkim", done.error().message);
        continue;
      }
    for (const std::string& line : step->told) log::info("dkim", line);
    for (const std::string& line : step->asked) log::warn("dkim", line);
  }
}

}  // namespace pabal::app
