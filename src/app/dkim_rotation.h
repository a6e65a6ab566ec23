// The DKIM keys of a domain change on their own, so that one that leaked does not serve for ever. A step a day: publish
// a new pair, sign with it when DNS has shown it long enough, keep the old one in DNS for mail on its way, drop it.
// Nothing is ever signed with a key that DNS does not show.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/task.h"
#include "dns/lookup.h"
#include "identity/directory.h"

namespace pabal::app {

struct Rooms;

constexpr days kDkimLife{180};  // of a pair that signs, before the next one is made
// A new record is shown this long before anybody signs with it: longer than resolvers remember that it was missing
// (RFC 2308 §5: a day at most) and than a zone takes to reach all its servers.
constexpr days kDkimShown{2};
// A record stays this long after its key's last signature: queues try for five days, and people verify old mail anew.
constexpr days kDkimRetired{30};

// Fresh keys to sign with, RSA for everybody, Ed25519 for those who know it (RFC 8463), under the next free selectors:
// pabal7r and pabal7e.
Result<std::vector<identity::DkimKey>> make_dkim_keys(const std::vector<identity::DkimKey>& there,
                                                      identity::DkimKey::State state, Time now);

bool is_ed25519(const identity::DkimKey& key);
// `key`, one of `keys`, signs from now on; the others of its kind that did are retired. Gives their selectors.
std::vector<std::string> sign_with(std::vector<identity::DkimKey>& keys, identity::DkimKey& key, Time now);

// What DNS shows of one key. `problem` is empty only when every verifier gets this key from it.
struct ShownKey {
  bool looked = false;  // false: the look-up failed, and nothing is known
  bool there = false;   // a record, right or wrong
  std::string problem;
  bool good() const { return looked && there && problem.empty(); }
};
using ShownKeys = std::map<std::string, ShownKey>;  // by selector
Task<ShownKeys> look_for_keys(dns::Lookups lookups, identity::Domain domain);
// Why a record's text does not serve where `wanted` is wanted; "" when it does (RFC 6376 §3.6.1).
std::string dkim_record_problem(std::string_view shown, std::string_view wanted);

// What the day brings to a domain's keys.
struct Rotation {
  std::vector<identity::DkimKey> keys;  // as they are now
  std::vector<std::string> told;        // what was done, for people
  std::vector<std::string> asked;       // what is for them to do
};
Result<Rotation> rotate_keys(const identity::Domain& domain, Time now, const ShownKeys& shown);

// Puts `after` in place of `before`; kExists when somebody changed them meanwhile.
Result<void> replace_keys(Rooms& rooms, const identity::Domain& before, const std::vector<identity::DkimKey>& after);

// The daily step for every domain, told in the log. Waits for DNS and commits: not on an event loop. Ends early when
// `stopping` is set.
void rotate_all_keys(Rooms& rooms, dns::Resolver& resolver, const std::atomic<bool>& stopping);

}  // namespace pabal::app
